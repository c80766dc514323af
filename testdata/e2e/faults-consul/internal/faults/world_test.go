package faults_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"example.com/harbour/internal/platform/backoff"
	"example.com/harbour/internal/platform/consul"
	"example.com/harbour/internal/platform/faultproxy"
	"example.com/harbour/internal/platform/registry"
	"example.com/harbour/pkg/client"
)

const (
	ttl       = 3 * time.Second
	patience  = 20 * time.Second // for what is not measured
	namespace = "faults"
	service   = "a.v1.A"
	config    = `{"loadBalancingConfig": [{"round_robin": {}}]}`
	both      = faultproxy.ToServer | faultproxy.ToClient
)

// checks are the ways in which Consul gets to know whether an instance is alive: most tests are for either.
var checks = []string{registry.CheckTTL, registry.CheckGRPC}

// eachCheck runs a test for each of checks, in parallel.
func eachCheck(t *testing.T, test func(t *testing.T, check string)) {
	t.Parallel()
	for _, check := range checks {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			test(t, check)
		})
	}
}

// server is a gRPC server that answers health checks.
type server struct {
	addr   string
	health *health.Server
	stop   func()
}

func serve(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer()
	s := &server{addr: listener.Addr().String(), health: health.NewServer(), stop: rpc.Stop}
	s.health.SetServingStatus(service, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(rpc, s.health)
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	return s
}

// instance is a server that is registered.
type instance struct {
	*server
	registry *registry.Registrar
	log      *log
}

// register starts a server, and has it registered with the agent at endpoint.
func register(t *testing.T, check, endpoint string) *instance {
	t.Helper()
	return list(t, serve(t), check, endpoint, "")
}

// list registers a server.
func list(t *testing.T, s *server, check, endpoint, token string) *instance {
	t.Helper()
	connection, err := consul.NewClient(endpoint, token)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{server: s, log: &log{}}
	i.registry, err = registry.NewConsul(connection, namespace, check, ttl, slog.New(slog.NewTextHandler(i.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	i.registry.Register(registry.Instance{
		Services: []string{service}, Addr: s.addr, Metadata: map[string]string{"app": "faults", "weight": "3"},
	})
	t.Cleanup(func() {
		_ = i.deregister()
		if t.Failed() {
			t.Logf("%s logged:\n%s", s.addr, i.log)
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

// eventually waits until something holds, and logs how long that took. It fails the test after the limit.
func eventually(t *testing.T, limit time.Duration, what string, holds func(ctx context.Context) bool) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for !holds(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("%s: not within %v", what, limit)
		}
		backoff.Wait(ctx, 20*time.Millisecond)
	}
	t.Logf("%s: after %v (limit %v)", what, time.Since(start).Round(time.Millisecond), limit)
}

// during does something again and again for a while, which is the fault's own time.
func during(t *testing.T, d time.Duration, do func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for ctx.Err() == nil {
		do(ctx)
		backoff.Wait(ctx, 50*time.Millisecond)
	}
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
func dial(t *testing.T, cfg client.Config, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := client.Dial(cfg, service, config, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// at is the configuration of those who ask the agents at endpoints, and keep nothing on disk.
func at(endpoints ...string) client.Config {
	return client.Config{Endpoints: endpoints, Namespace: namespace, CacheDir: "none"}
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
	c := &caller{t: t, conn: dial(t, at(endpoints...)), last: map[string]time.Time{}}
	if _, err := call(c.conn, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("first call: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			c.call()
			backoff.Wait(ctx, 10*time.Millisecond)
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
