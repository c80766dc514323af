package faults_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"example.com/jetty/internal/platform/mdns"
	"example.com/jetty/internal/platform/mdnstest"
	"example.com/jetty/internal/platform/registry"
	"example.com/jetty/pkg/client"
)

const (
	ttl      = 2 * time.Second
	interval = 500 * time.Millisecond
	greeter  = "jetty.v1.Greeter" // of the app
)

// network is a namespace of this machine's own network, which all tests share.
type network struct {
	loopback  string
	namespace string
}

func newNetwork(t *testing.T) network {
	t.Helper()
	return network{mdnstest.Loopback(t), rand.Text()}
}

// client is the configuration of those who look for services.
func (n network) client() client.Config {
	cfg := at(n.loopback)
	cfg.Namespace, cfg.Interval = n.namespace, interval
	return cfg
}

// register starts a server, and has it registered.
func (n network) register(t *testing.T) *instance {
	t.Helper()
	return n.list(t, serve(t))
}

func (n network) list(t *testing.T, s *server) *instance {
	t.Helper()
	return registered(t, s, described, func(log *slog.Logger) (*registry.Registrar, error) {
		return registry.NewMDNS([]string{n.loopback}, n.namespace, ttl, log)
	})
}

// heard are the addresses that answer for a service, each as often as it does.
func (n network) heard(ctx context.Context, t *testing.T, service string) []string {
	t.Helper()
	conn, err := mdns.Listen([]string{n.loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	all := []string{}
	err = conn.Query(ctx, n.namespace, service, 200*time.Millisecond, func(e mdns.Entry) { all = append(all, e.Addr) })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func (n network) awaitHeard(t *testing.T, limit time.Duration, service string, addrs ...string) {
	t.Helper()
	slices.Sort(addrs)
	eventually(t, limit, service+" is heard", func(ctx context.Context) bool { return slices.Equal(n.heard(ctx, t, service), addrs) })
}

// app is the project's own, as a process.
type app struct {
	*exec.Cmd
	addr  string
	ended chan struct{}
}

func (n network) start(t *testing.T, addr string) *app {
	t.Helper()
	cmd := exec.Command(os.Getenv("E2E_JETTY"),
		"--set", "server.grpc.addr="+addr, "--set", "server.admin.addr=127.0.0.1:0", "--set", "registry.cache_dir=none",
		"--set", "registry.endpoints="+n.loopback, "--set", "registry.namespace="+n.namespace, "--set", "registry.ttl="+ttl.String())
	said := &log{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &app{Cmd: cmd, addr: addr, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // ProcessState tells
		close(a.ended)
	}()
	t.Cleanup(func() {
		a.end(t, syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s logged:\n%s", addr, said)
		}
	})
	return a
}

func (a *app) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := a.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end has the app end by a signal, and returns how long that took.
func (a *app) end(t *testing.T, s syscall.Signal) time.Duration {
	t.Helper()
	begin := time.Now()
	_ = a.Process.Signal(s) // it may have ended
	select {
	case <-a.ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	return time.Since(begin)
}
