package faults_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"example.com/project/internal/platform/backoff"
	"example.com/project/pkg/client"
)

// at is the configuration of those who ask the registry at endpoints, and keep nothing on disk.
func at(endpoints ...string) client.Config {
	return client.Config{Endpoints: endpoints, Namespace: namespace, CacheDir: "none"}
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

// callWith returns who answered a call that has metadata. It is patient.
func callWith(ctx context.Context, t *testing.T, conn *grpc.ClientConn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var from peer.Peer
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&from), grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	return from.Addr.String()
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

// startCaller returns once the first call has succeeded.
func startCaller(t *testing.T, cfg client.Config) *caller {
	t.Helper()
	c := &caller{t: t, conn: dial(t, cfg), last: map[string]time.Time{}}
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

// awaitAnswer waits until the instance at addr answers calls that begin from now on.
func (c *caller) awaitAnswer(limit time.Duration, addr string) {
	c.t.Helper()
	start := time.Now()
	eventually(c.t, limit, "called", func(context.Context) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.last[addr].After(start)
	})
}
