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
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

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
// their connections; those that change their address are connected to anew, which is most of the cost, and the same for a
// bare client that is told of them. The server is another process.
func TestSpeedOfFollowing(t *testing.T) {
	const limit = 5 // per cent of a core
	f := newFollowed(t)
	alone := f.change(0, 1)
	t.Run("resolver", func(t *testing.T) {
		conn := resolve(t, discovery.Target(namespace, service), discovery.Config{Endpoints: []string{f.etcd.client}, CacheDir: "none"})
		eventually(t, patience, "all found", func(context.Context) bool { addrs, _ := conn.get(); return len(addrs) == instances })
		_, before := conn.get()
		cost := f.change(1, 1) - alone
		_, after := conn.get()
		t.Logf("%d changes are told as %d", changes, after-before)
		within(t, "per cent of a core, addresses", cost, limit)
	})
	t.Run("client", func(t *testing.T) {
		f.connect(t, dial(t, at(f.etcd.client), f.dialer(t)))
		t.Logf("per cent of a core, no changes: %.1f", f.percent(func() { <-time.After(10 * time.Second) }))
		within(t, "per cent of a core, metadata", f.change(1, 2)-alone, limit)
		t.Logf("per cent of a core, addresses, each with a new connection: %.1f", f.change(2, 2)-alone)
	})
	t.Run("client of a subset", func(t *testing.T) {
		cfg := at(f.etcd.client)
		cfg.Subset = 100
		f.connect(t, dial(t, cfg, f.dialer(t)))
		within(t, "per cent of a core, addresses", f.change(3, 2)-alone, limit)
	})
	t.Run("bare client", func(t *testing.T) {
		told := manual.NewBuilderWithScheme("told")
		told.InitialState(stateOf(0))
		conn, err := grpc.NewClient("told:///"+service, grpc.WithResolvers(told), f.dialer(t),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}`))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		f.connect(t, conn)
		t.Logf("per cent of a core, addresses, each with a new connection: %.1f", f.percent(func() {
			for i := perTelling; i <= changes; i += perTelling {
				<-time.After(perTelling * time.Second / perSecond)
				told.UpdateState(stateOf(i))
			}
		}))
	})
}

const (
	instances  = 1000
	changes    = 500
	perSecond  = 50
	perTelling = 15 // as many changes does discovery tell at a time
)

// stateOf is what a resolver says of all instances, of which the first have changed their address.
func stateOf(changed int) (state resolver.State) {
	for i := range instances {
		at := 0
		if i < changed {
			at = 1
		}
		addrs := []resolver.Address{{Addr: address(at, i)}}
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: addrs})
	}
	return state
}

// address is one of an instance's. Whichever it is, the dialer leads to the server.
func address(at, i int) string { return fmt.Sprintf("10.%d.%d.%d:1", at, i/250, i%250) }

// followed are the instances of a service in an etcd.
type followed struct {
	t      *testing.T
	etcd   *member
	client *clientv3.Client
	server string
}

func newFollowed(t *testing.T) *followed {
	t.Helper()
	m := startEtcd(t)
	f := &followed{t: t, etcd: m, client: m.connect(), server: startServer(t)}
	for i := range instances {
		f.put(i, 0, 0)
	}
	return f
}

func (f *followed) put(i, at, version int) {
	f.t.Helper()
	entry := etcd.Entry{Addr: address(at, i), Metadata: map[string]string{"version": fmt.Sprint(version)}}
	if _, err := f.client.Put(f.t.Context(), fmt.Sprintf("%s%d", etcd.Prefix(namespace, service), i), entry.Encode()); err != nil {
		f.t.Fatal(err)
	}
}

// change changes instances, and returns what that costs this process, in per cent of a core.
func (f *followed) change(at, version int) float64 {
	f.t.Helper()
	return f.percent(func() {
		tick := time.NewTicker(time.Second / perSecond)
		defer tick.Stop()
		for i := range changes {
			<-tick.C
			f.put(i, at, version)
		}
	})
}

// percent is what this process spends while something is done, in per cent of a core.
func (f *followed) percent(do func()) float64 {
	f.t.Helper()
	before, begin := processor(f.t), time.Now()
	do()
	return 100 * float64(processor(f.t)-before) / float64(time.Since(begin))
}

func (f *followed) dialer(t *testing.T) grpc.DialOption {
	t.Helper()
	return grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", f.server)
	})
}

// connect returns when a client has had time to connect to all that it wants to.
func (f *followed) connect(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	if _, err := call(conn, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	during(t, 5*time.Second, func(context.Context) {})
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
