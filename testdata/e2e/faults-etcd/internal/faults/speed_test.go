//go:build speed

// The tests of this file measure, which bench/registry has them do: what they find depends on the machine.
package faults_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"

	"github.com/acme/shop/internal/platform/access"
	"github.com/acme/shop/internal/platform/discovery"
	"github.com/acme/shop/internal/platform/etcd"
	"github.com/acme/shop/internal/platform/registry"
)

// within fails a measurement that is over its limit.
func within[T time.Duration | float64](t *testing.T, what string, got, limit T) {
	t.Helper()
	t.Logf("%s: %v (limit %v)", what, got, limit)
	if got > limit {
		t.Errorf("%s: %v, more than %v", what, got, limit)
	}
}

// arrivals is a gRPC connection that says when it is told something.
type arrivals struct {
	resolver.ClientConn
	times chan<- time.Time
}

// UpdateState implements resolver.ClientConn.
func (a arrivals) UpdateState(resolver.State) error {
	a.times <- time.Now()
	return nil
}

// ReportError implements resolver.ClientConn.
func (arrivals) ReportError(error) {}

// TestSpeedOfChanges is how long a change in etcd is on its way to a hundred clients, each of which has a connection and a
// watch of its own. The changes are far enough apart for none to be gathered with another.
func TestSpeedOfChanges(t *testing.T) {
	const clients, changes = 100, 100
	m := startEtcd(t)
	c := m.connect()
	times := make(chan time.Time, clients)
	put := func(i int) {
		entry := etcd.Entry{Addr: fmt.Sprintf("10.0.0.1:%d", i+1)}.Encode()
		if _, err := c.Put(t.Context(), etcd.Prefix(namespace, service)+"1", entry); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	for range clients {
		cfg := discovery.Config{Endpoints: []string{m.client}, CacheDir: "none"}
		resolveFor(t, arrivals{times: times}, discovery.Target(namespace, service), cfg)
		<-times
	}
	var took []time.Duration
	for i := range changes {
		during(t, 250*time.Millisecond, func(context.Context) {})
		begin := time.Now()
		put(i + 1)
		for range clients {
			took = append(took, (<-times).Sub(begin))
		}
	}
	slices.Sort(took)
	t.Logf("%d changes reach %d clients: half of them after %v, 9 of 10 after %v, the last after %v",
		changes, clients, took[len(took)/2], took[len(took)*9/10], took[len(took)-1])
	within(t, "99 of 100", took[len(took)*99/100], 50*time.Millisecond)
}

// TestSpeedOfRegistrations has one process register a thousand instances, of which each has a connection and a lease of
// its own; and then one instance with a thousand services.
func TestSpeedOfRegistrations(t *testing.T) {
	const n = 1000
	t.Run("instances", func(t *testing.T) {
		m := startEtcd(t)
		c := m.connect()
		begin := time.Now()
		for i := range n {
			list(t, &server{addr: fmt.Sprintf("127.1.%d.%d:1", i/250, i%250)}, at(m.client), time.Minute)
		}
		awaitKeys(t, c, n)
		within(t, fmt.Sprintf("%d instances", n), time.Since(begin), 2*time.Second)
	})
	t.Run("services", func(t *testing.T) {
		m := startEtcd(t)
		c := m.connect()
		connection, err := etcd.NewClient([]string{m.client}, access.Access{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		registrar, err := registry.NewEtcd(connection, namespace, time.Minute, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		instance := registry.Instance{Addr: "127.0.0.1:1"}
		for i := range n {
			instance.Services = append(instance.Services, fmt.Sprintf("%s%d", service, i))
		}
		begin := time.Now()
		registrar.Register(instance)
		awaitKeys(t, c, n)
		within(t, fmt.Sprintf("%d services", n), time.Since(begin), 2*time.Second)
		if err := registrar.Deregister(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// awaitKeys returns when there are as many keys.
func awaitKeys(t *testing.T, c *clientv3.Client, n int64) {
	t.Helper()
	for {
		response, err := c.Get(t.Context(), namespace+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		if response.Count == n {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
}

// TestSpeedOfFollowing is what it costs a client to follow a thousand instances of which 50 change each second: what this
// process spends with such a client, less what it spends on the changes alone. Instances that change their metadata keep
// their connections; those that change their address are connected to anew, which is most of the cost. The server is
// another process.
func TestSpeedOfFollowing(t *testing.T) {
	const n, changes, perSecond = 1000, 500, 50
	m := startEtcd(t)
	c := m.connect()
	put := func(i, address, version int) {
		entry := etcd.Entry{Addr: fmt.Sprintf("10.%d.%d.%d:1", address, i/250, i%250), Metadata: map[string]string{"version": fmt.Sprint(version)}}
		if _, err := c.Put(t.Context(), fmt.Sprintf("%s%d", etcd.Prefix(namespace, service), i), entry.Encode()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		put(i, 0, 0)
	}
	percent := func(do func()) float64 {
		before, begin := processor(t), time.Now()
		do()
		return 100 * float64(processor(t)-before) / float64(time.Since(begin))
	}
	change := func(address, version int) float64 {
		return percent(func() {
			tick := time.NewTicker(time.Second / perSecond)
			defer tick.Stop()
			for i := range changes {
				<-tick.C
				put(i, address, version)
			}
		})
	}
	alone := change(0, 1)
	t.Run("resolver", func(t *testing.T) {
		conn := resolve(t, discovery.Target(namespace, service), discovery.Config{Endpoints: []string{m.client}, CacheDir: "none"})
		eventually(t, patience, "all found", func(context.Context) bool { addrs, _ := conn.get(); return len(addrs) == n })
		_, before := conn.get()
		followed := change(1, 1)
		_, after := conn.get()
		t.Logf("%d changes are told as %d", changes, after-before)
		within(t, "per cent of a core, addresses", followed-alone, 5)
	})
	t.Run("client", func(t *testing.T) {
		server := startServer(t)
		conn := dial(t, at(m.client), grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", server)
		}))
		if _, err := call(conn, patience, grpc.WaitForReady(true)); err != nil {
			t.Fatal(err)
		}
		during(t, 5*time.Second, func(context.Context) {}) // in which it connects to all
		t.Logf("per cent of a core, no changes: %.1f", percent(func() { <-time.After(10 * time.Second) }))
		within(t, "per cent of a core, metadata", change(1, 2)-alone, 5)
		t.Logf("per cent of a core, addresses, each with a new connection: %.1f", change(2, 2)-alone)
	})
}

// speedServer is the variable that makes this test binary a server.
const speedServer = "SPEED_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(speedServer) == "" {
		os.Exit(m.Run())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test
}

// startServer starts a server as a process of its own.
func startServer(t *testing.T) (addr string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), speedServer+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscanln(stdout, &addr); err != nil {
		t.Fatal(err)
	}
	return addr
}
