package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/acme/shop/internal/platform/access"
	"github.com/acme/shop/internal/platform/backoff"
	"github.com/acme/shop/internal/platform/etcd"
	"github.com/acme/shop/internal/platform/registry"
	"github.com/acme/shop/pkg/client"
)

const (
	ttl       = 2 * time.Second
	namespace = "faults"
	service   = "a.v1.A"
	config    = `{"loadBalancingConfig": [{"round_robin": {}}]}`
)

// serve starts a gRPC server that answers health checks.
func serve(t *testing.T) (addr string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	return listener.Addr().String(), rpc.Stop
}

// instance is a server that is registered.
type instance struct {
	t        *testing.T
	addr     string
	stop     func() // of the server
	registry registry.Registry
	log      *log
}

// register starts a server, and has it registered at endpoints.
func register(t *testing.T, endpoints ...string) *instance {
	t.Helper()
	return registerFor(t, ttl, endpoints...)
}

func registerFor(t *testing.T, ttl time.Duration, endpoints ...string) *instance {
	t.Helper()
	addr, stop := serve(t)
	i := list(t, addr, ttl, endpoints...)
	i.stop = stop
	return i
}

// registerAs is register for an etcd that doesn't let everybody in.
func registerAs(t *testing.T, by access.Access, endpoints ...string) *instance {
	t.Helper()
	addr, stop := serve(t)
	i := listAs(t, by, addr, ttl, endpoints...)
	i.stop = stop
	return i
}

// list registers an address.
func list(t *testing.T, addr string, ttl time.Duration, endpoints ...string) *instance {
	t.Helper()
	return listAs(t, access.Access{}, addr, ttl, endpoints...)
}

func listAs(t *testing.T, by access.Access, addr string, ttl time.Duration, endpoints ...string) *instance {
	t.Helper()
	connection, err := etcd.NewClient(endpoints, by, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, addr: addr, log: &log{}}
	if i.registry, err = registry.NewEtcd(connection, namespace, ttl, slog.New(slog.NewTextHandler(i.log, nil))); err != nil {
		t.Fatal(err)
	}
	i.registry.Register(registry.Instance{Services: []string{service}, Addr: addr, Metadata: map[string]string{"app": "faults"}})
	t.Cleanup(func() {
		_ = i.deregister()
		if t.Failed() {
			t.Logf("%s logged:\n%s", addr, i.log)
		}
	})
	return i
}

func (i *instance) deregister() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return i.registry.Deregister(ctx)
}

// log keeps what is written.
type log struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// listed returns the ids in etcd.
func listed(ctx context.Context, c *clientv3.Client) []string {
	response, err := c.Get(ctx, etcd.Prefix(namespace, service), clientv3.WithPrefix())
	if err != nil {
		return []string{"unknown: " + err.Error()}
	}
	ids := []string{}
	for _, kv := range response.Kvs {
		ids = append(ids, strings.TrimPrefix(string(kv.Key), etcd.Prefix(namespace, service)))
	}
	return ids
}

// awaitListed waits until exactly these instances are listed.
func awaitListed(t *testing.T, c *clientv3.Client, limit time.Duration, instances ...*instance) {
	t.Helper()
	want := []string{}
	for _, i := range instances {
		want = append(want, i.addr)
	}
	slices.Sort(want)
	eventually(t, limit, fmt.Sprintf("%d listed", len(want)), func(ctx context.Context) bool {
		return slices.Equal(listed(ctx, c), want)
	})
}

// awaitLeases waits until etcd has as many leases as there are instances: none has leaked.
func awaitLeases(t *testing.T, c *clientv3.Client, want int) {
	t.Helper()
	eventually(t, ttl+3*time.Second, fmt.Sprintf("%d leases", want), func(ctx context.Context) bool {
		leases, err := c.Leases(ctx)
		return err == nil && len(leases.Leases) == want
	})
}

// caller calls the service all the time.
type caller struct {
	t    *testing.T
	conn *grpc.ClientConn

	mu     sync.Mutex
	calls  int
	failed []error
	last   map[string]time.Time // when an instance answered
}

// dial returns a connection to the service.
func dial(t *testing.T, cacheDir string, endpoints []string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	return dialAs(t, client.Config{Endpoints: endpoints, Namespace: namespace, CacheDir: cacheDir}, options...)
}

func dialAs(t *testing.T, cfg client.Config, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := client.Dial(cfg, service, config, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call returns who answered.
func call(conn *grpc.ClientConn, timeout time.Duration, options ...grpc.CallOption) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var from peer.Peer
	options = append(options, grpc.Peer(&from))
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, options...); err != nil {
		return "", err
	}
	return from.Addr.String(), nil
}

// startCaller returns once the first call has succeeded.
func startCaller(t *testing.T, endpoints ...string) *caller {
	t.Helper()
	return startCallerAs(t, access.Access{}, endpoints...)
}

func startCallerAs(t *testing.T, by access.Access, endpoints ...string) *caller {
	t.Helper()
	cfg := client.Config{Endpoints: endpoints, Namespace: namespace, CacheDir: "none", Access: by}
	c := &caller{t: t, conn: dialAs(t, cfg), last: map[string]time.Time{}}
	if _, err := call(c.conn, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("first call: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			c.call()
			backoff.Wait(ctx, 5*time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return c
}

func (c *caller) call() {
	start := time.Now()
	from, err := call(c.conn, 5*time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if err != nil {
		c.failed = append(c.failed, err)
		return
	}
	c.last[from] = start
}

// expectNoFailure fails the test unless all calls have succeeded.
func (c *caller) expectNoFailure() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.Logf("%d of %d calls failed", len(c.failed), c.calls)
	if len(c.failed) > 0 {
		c.t.Errorf("%d of %d calls failed, first: %v", len(c.failed), c.calls, c.failed[0])
	}
}

// awaitAnswer waits until i answers calls that begin from now on.
func (c *caller) awaitAnswer(limit time.Duration, i *instance) {
	c.t.Helper()
	start := time.Now()
	eventually(c.t, limit, "called", func(context.Context) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.last[i.addr].After(start)
	})
}
