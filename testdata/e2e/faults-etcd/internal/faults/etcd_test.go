// Package faults_test does to a real etcd, and to the network to it, what happens to them in a year, and looks at what
// the emitted registry, discovery and client make of it. Each test says which scenario of the research it is, and logs
// how long recovery took.
package faults_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/acme/shop/internal/leftover"
	"github.com/acme/shop/internal/platform/access"
)

// member is an etcd as a process of its own, to be killed, stopped and emptied.
type member struct {
	t            *testing.T
	dir          string
	client, peer string // addresses
	all          []*member
	config       map[string]any
	root         access.Access // of the test
	tls          *tls.Config   // of the test

	cmd   *exec.Cmd
	stdin io.Closer // etcd ends with it, so that none outlives the test
}

// startCluster starts n members.
func startCluster(t *testing.T, n int) []*member {
	t.Helper()
	var members []*member
	var initial []string
	for range n {
		m := newMember(t)
		members = append(members, m)
		initial = append(initial, m.config["initial-cluster"].(string))
	}
	for _, m := range members {
		m.all, m.config["initial-cluster"] = members, strings.Join(initial, ",")
	}
	runMembers(t, members...)
	return members
}

// runMembers has an etcd of these members until the test ends, which is to leave nothing in it, nor connected to it.
func runMembers(t *testing.T, members ...*member) {
	t.Helper()
	for _, m := range members {
		m.launch()
		t.Cleanup(m.kill)
	}
	leftover.ExpectNone(t)
	t.Cleanup(func() { expectNothingHeld(t, members) })
	for _, m := range members {
		m.awaitUp()
	}
}

// expectNothingHeld waits until members hold nothing for anybody any more, with all connections closed. Those which a test
// has killed hold nothing.
func expectNothingHeld(t *testing.T, members []*member) {
	t.Helper()
	if t.Failed() {
		return // which may be why
	}
	alive := slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return m.cmd.ProcessState != nil })
	if len(alive) == 0 {
		return
	}
	c := alive[0].connect()
	eventually(t, patience, "nothing is held", func(ctx context.Context) bool {
		watches := 0.0
		for _, m := range alive {
			watches += m.metric(watchers)
		}
		leases, err := c.Leases(ctx)
		return err == nil && len(leases.Leases) == 0 && watches == 0
	})
}

const watchers = "etcd_debugging_mvcc_watcher_total"

// newMember returns a member that is alone, and that has not been started.
func newMember(t *testing.T) *member {
	t.Helper()
	m := &member{t: t, dir: filepath.Join(t.TempDir(), "data"), client: free(t), peer: free(t)}
	client, peer := "http://"+m.client, "http://"+m.peer
	m.config = map[string]any{
		"name": m.peer, "data-dir": m.dir, "initial-cluster": m.peer + "=" + peer,
		"listen-client-urls": client, "advertise-client-urls": client,
		"listen-peer-urls": peer, "initial-advertise-peer-urls": peer,
		"unsafe-no-fsync": true, "log-level": "panic", "heartbeat-interval": 100, "election-timeout": 1000,
	}
	return m
}

// startEtcd starts an etcd of as many members as E2E_ETCD_MEMBERS says, or one, and returns a member.
func startEtcd(t *testing.T) *member {
	t.Helper()
	n := 1
	if text := os.Getenv("E2E_ETCD_MEMBERS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatalf("E2E_ETCD_MEMBERS: %v", err)
		}
	}
	return startCluster(t, n)[0]
}

func (m *member) launch() {
	m.t.Helper()
	content, err := json.Marshal(m.config)
	if err != nil {
		m.t.Fatal(err)
	}
	file := m.dir + ".json"
	if err := os.WriteFile(file, content, 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.cmd = exec.Command(os.Getenv("E2E_ETCD"))
	m.cmd.Env = append(os.Environ(), "E2E_ETCD_CONFIG="+file)
	m.cmd.Stderr = os.Stderr
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		m.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *member) awaitUp() {
	m.t.Helper()
	eventually(m.t, patience, "etcd is up", func(ctx context.Context) bool {
		_, err := m.connect().Get(ctx, "up")
		return err == nil
	})
}

// restart starts the member after kill.
func (m *member) restart() {
	m.t.Helper()
	m.launch()
	m.awaitUp()
}

func (m *member) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	_ = m.stdin.Close()
}

// wipe loses the disks of all members.
func (m *member) wipe() {
	m.t.Helper()
	for _, each := range m.all {
		each.kill()
		if err := os.RemoveAll(each.dir); err != nil {
			m.t.Fatal(err)
		}
	}
	for _, each := range m.all {
		each.launch()
	}
	m.awaitUp()
}

func (m *member) freeze() { _ = m.cmd.Process.Signal(syscall.SIGSTOP) }
func (m *member) thaw()   { _ = m.cmd.Process.Signal(syscall.SIGCONT) }

// connect returns a client of the test's own, past any proxy.
func (m *member) connect() *clientv3.Client {
	m.t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{m.client}, Username: m.root.Username, Password: m.root.Password, TLS: m.tls, Logger: zap.NewNop(),
		DialTimeout: patience,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = client.Close() })
	return client
}

// metric returns the sum of a metric of etcd's, of the lines that hold all of these texts.
func (m *member) metric(name string, texts ...string) (sum float64) {
	m.t.Helper()
	scheme := "http"
	if m.tls != nil {
		scheme = "https"
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: m.tls, DisableKeepAlives: true}}
	response, err := client.Get(scheme + "://" + m.client + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
lines:
	for line := range strings.Lines(string(body)) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		var value float64
		if _, err := fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &value); err != nil {
			m.t.Fatal(err)
		}
		sum += value
	}
	return sum
}
