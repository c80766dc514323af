package faults_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"example.com/jetty/internal/leftover"
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

// newNetwork has a namespace that nobody answers in after the test.
func newNetwork(t *testing.T) network {
	t.Helper()
	leftover.ExpectNone(t)
	n := network{mdnstest.Loopback(t), rand.Text()}
	t.Cleanup(func() {
		for _, each := range []string{service, greeter} {
			n.awaitHeard(t, patience, each)
		}
	})
	return n
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
	addr, admin string
	ended       chan struct{}
}

func (n network) start(t *testing.T, addr string) *app {
	t.Helper()
	admin := free(t)
	cmd := exec.Command(os.Getenv("E2E_JETTY"),
		"--set", "server.grpc.addr="+addr, "--set", "server.admin.addr="+admin, "--set", "server.admin.pprof=true", "--set", "registry.cache_dir=none",
		"--set", "registry.endpoints="+n.loopback, "--set", "registry.namespace="+n.namespace, "--set", "registry.ttl="+ttl.String())
	said := &log{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &app{Cmd: cmd, addr: addr, admin: admin, ended: make(chan struct{})}
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

// open is what the app has open, by its own account: the least of a few looks, for an app that is called has a goroutine for
// each call. Sockets are files, too.
func (a *app) open(t *testing.T) leftover.Open {
	t.Helper()
	least := a.openNow(t)
	during(t, 200*time.Millisecond, func(context.Context) {
		now := a.openNow(t)
		least = leftover.Open{Goroutines: min(least.Goroutines, now.Goroutines), Files: min(least.Files, now.Files)}
	})
	return least
}

// expectNoMore waits until the app has no more open than it had before.
func (a *app) expectNoMore(t *testing.T, before leftover.Open) {
	t.Helper()
	eventually(t, 15*time.Second, fmt.Sprintf("open is no more than %+v", before), func(context.Context) bool {
		now := a.openNow(t)
		return now.Goroutines <= before.Goroutines && now.Files <= before.Files
	})
}

// openNow asks for a profile, not for metrics, of which some goroutines, now more and now less, are what counts them.
func (a *app) openNow(t *testing.T) (now leftover.Open) {
	t.Helper()
	a.scan(t, "/debug/pprof/goroutine?debug=1", "goroutine profile: total %d", &now.Goroutines)
	a.scan(t, "/metrics", "process_open_fds %d", &now.Files)
	return now
}

// scan reads a number from a line of what the app says.
func (a *app) scan(t *testing.T, path, format string, number *int) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + a.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), format, number); err == nil {
			return
		}
	}
	t.Fatalf("%s: %s has no %q", a.addr, path, format)
}
