package faults_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"example.com/project/internal/leftover"
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
	return dialTo(t, service, cfg, options...)
}

// dialTo is dial for another service.
func dialTo(t *testing.T, service string, cfg client.Config, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	leftover.ExpectNone(t)
	conn, err := client.Dial(cfg, service, config, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call returns who answered, or else who didn't.
func call(conn *grpc.ClientConn, timeout time.Duration, options ...grpc.CallOption) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var from peer.Peer
	options = append(options, grpc.Peer(&from))
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, options...)
	if from.Addr == nil { // it went nowhere
		return "", err
	}
	return from.Addr.String(), err
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

// caller calls a service all the time. No call waits for another one.
type caller struct {
	t       *testing.T
	conn    *grpc.ClientConn
	timeout time.Duration // of a call

	mu     sync.Mutex
	calls  int
	failed []failure
	last   map[string]time.Time // when an instance answered
}

// failure is a call that has failed.
type failure struct {
	addr         string // that it went to
	began, ended time.Time
	err          error
}

func (f failure) String() string {
	const clock = "15:04:05.000"
	return fmt.Sprintf("from %s to %s, to %q: %v", f.began.Format(clock), f.ended.Format(clock), f.addr, f.err)
}

// during reports whether a call was under way to an instance when that crashed. The client may be a moment late to see it.
func (f failure) during(crash time.Time, addr string) bool {
	return f.addr == addr && f.began.Before(crash.Add(100*time.Millisecond)) && f.ended.After(crash)
}

// startCaller returns once the first call has succeeded.
func startCaller(t *testing.T, cfg client.Config) *caller {
	t.Helper()
	return startCallerOf(t, service, cfg, 5*time.Second)
}

// startCallerOf is startCaller for another service, and calls that have as long as timeout.
func startCallerOf(t *testing.T, service string, cfg client.Config, timeout time.Duration) *caller {
	t.Helper()
	c := &caller{t: t, conn: dialTo(t, service, cfg), timeout: timeout, last: map[string]time.Time{}}
	if _, err := call(c.conn, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("first call: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var calls sync.WaitGroup
	calls.Go(func() {
		for ctx.Err() == nil {
			calls.Go(c.call)
			backoff.Wait(ctx, 5*time.Millisecond)
		}
	})
	t.Cleanup(func() { cancel(); calls.Wait() })
	return c
}

func (c *caller) call() {
	start := time.Now()
	from, err := call(c.conn, c.timeout)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if err != nil {
		c.failed = append(c.failed, failure{from, start, time.Now(), err})
		return
	}
	if start.After(c.last[from]) {
		c.last[from] = start
	}
}

// expectNoFailure fails the test unless all calls have succeeded.
func (c *caller) expectNoFailure() {
	c.t.Helper()
	c.expectOnly(func(failure) bool { return false })
}

// expectOnly fails the test if a call has failed that may not.
func (c *caller) expectOnly(may func(failure) bool) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	longest := time.Duration(0)
	for _, f := range c.failed {
		longest = max(longest, f.ended.Sub(f.began))
	}
	c.t.Logf("%d of %d calls failed, the longest after %v", len(c.failed), c.calls, longest)
	if i := slices.IndexFunc(c.failed, func(f failure) bool { return !may(f) }); i >= 0 {
		c.t.Errorf("%d of %d calls failed, among them: %v", len(c.failed), c.calls, c.failed[i])
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
