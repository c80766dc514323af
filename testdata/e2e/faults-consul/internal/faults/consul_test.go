// Package faults_test does to a real Consul, and to the network to it, what happens to them in a year, and looks at what
// the emitted registry, discovery and client make of it. Each test says which scenario of the research it is, and logs
// how long recovery took.
package faults_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"example.com/harbour/internal/leftover"
)

// agent is a Consul of one agent, a server in development mode: it keeps nothing, so that starting it anew empties it.
type agent struct {
	t      *testing.T
	http   string // address
	https  string // likewise, for tests that configure TLS
	hcl    string
	client *api.Client // of the tests

	cmd   *exec.Cmd
	stdin io.Closer // the agent ends with it, so that none outlives the test
}

func startConsul(t *testing.T) *agent {
	t.Helper()
	return startConsulWith(t, "", "")
}

// startConsulWith starts an agent with further configuration, for which tests need a token.
func startConsulWith(t *testing.T, hcl, token string) *agent {
	t.Helper()
	a := &agent{t: t, http: free(t), https: free(t)}
	transport := &http.Transport{}
	var err error
	if a.client, err = api.NewClient(&api.Config{Address: a.http, Token: token, Transport: transport}); err != nil {
		t.Fatal(err)
	}
	a.hcl = fmt.Sprintf("ports { http = %s, https = %s, server = %s, serf_lan = %s, serf_wan = -1, dns = -1, grpc = -1 } %s",
		port(a.http), port(a.https), port(free(t)), port(free(t)), hcl)
	t.Cleanup(a.kill)
	leftover.ExpectNone(t)
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(a.expectNothingHeld)
	a.start()
	return a
}

// expectNothingHeld waits until the agent has no entry any more that an instance has made. A query is over with its
// connection, which is left only if a goroutine is.
func (a *agent) expectNothingHeld() {
	a.t.Helper()
	if a.t.Failed() {
		return // which may be why
	}
	eventually(a.t, patience, "nothing is held", func(ctx context.Context) bool {
		all, err := a.client.Agent().ServicesWithFilterOpts("", (&api.QueryOptions{}).WithContext(ctx))
		for _, entry := range all {
			if entry.Meta["app"] != "" { // as described
				return false
			}
		}
		return err == nil
	})
}

func port(addr string) string {
	_, port, _ := strings.Cut(addr, ":")
	return port
}

// start returns when the agent answers.
func (a *agent) start() {
	a.t.Helper()
	a.cmd = exec.Command("sh", "-c", `"$@" & read -r end; kill -9 $!`, "sh",
		os.Getenv("SVC_CONSUL"), "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1", "-log-level=error", "-hcl="+a.hcl)
	var err error
	if a.stdin, err = a.cmd.StdinPipe(); err != nil {
		a.t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	eventually(a.t, patience, "consul is up", func(ctx context.Context) bool {
		nodes, _, err := a.client.Catalog().Nodes((&api.QueryOptions{}).WithContext(ctx))
		return err == nil && len(nodes) == 1
	})
}

func (a *agent) kill() {
	if a.stdin == nil {
		return // it did not start
	}
	_ = a.stdin.Close()
	_ = a.cmd.Wait()
}

// listed returns the addresses that Consul tells others of, with one for each entry.
func (a *agent) listed(ctx context.Context) []string {
	entries, _, err := a.client.Health().Service(service, namespace, true, (&api.QueryOptions{}).WithContext(ctx))
	if err != nil {
		return []string{"unknown: " + err.Error()}
	}
	addrs := []string{}
	for _, e := range entries {
		addrs = append(addrs, net.JoinHostPort(e.Service.Address, fmt.Sprint(e.Service.Port)))
	}
	slices.Sort(addrs)
	return addrs
}

// awaitListed waits until exactly these instances are listed, once each.
func (a *agent) awaitListed(t *testing.T, limit time.Duration, instances ...*instance) {
	t.Helper()
	want := []string{}
	for _, i := range instances {
		want = append(want, i.addr)
	}
	slices.Sort(want)
	eventually(t, limit, fmt.Sprintf("%d listed", len(want)), func(ctx context.Context) bool {
		return slices.Equal(a.listed(ctx), want)
	})
}

// awaitEntries waits until Consul has that many entries, passing or not: none is left behind.
func (a *agent) awaitEntries(t *testing.T, limit time.Duration, want int) {
	t.Helper()
	eventually(t, limit, fmt.Sprintf("%d entries", want), func(ctx context.Context) bool {
		entries, _, err := a.client.Catalog().Service(service, "", (&api.QueryOptions{}).WithContext(ctx))
		return err == nil && len(entries) == want
	})
}

// expectListed fails the test when it is ever otherwise than that as many are listed.
func (a *agent) expectListed(t *testing.T, d time.Duration, want int) {
	t.Helper()
	during(t, d, func(ctx context.Context) {
		if got := a.listed(ctx); ctx.Err() == nil && len(got) != want {
			t.Fatalf("got %v, want %d", got, want)
		}
	})
}

// foreign lists an address like a program that knows nothing of this project: without a check.
func (a *agent) foreign(service, id, addr string, tags ...string) {
	a.t.Helper()
	host, _, _ := net.SplitHostPort(addr)
	r := &api.AgentServiceRegistration{ID: id, Name: service, Address: host, Tags: tags}
	if _, err := fmt.Sscan(port(addr), &r.Port); err != nil {
		a.t.Fatal(err)
	}
	if err := a.client.Agent().ServiceRegister(r); err != nil {
		a.t.Fatal(err)
	}
}
