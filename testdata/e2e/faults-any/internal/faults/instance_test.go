// Package faults_test does to the registry of a project what happens to registries. What its tests need for any registry
// is in this file and beside it; the rest is the registry's own.
package faults_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"example.com/project/internal/leftover"
	"example.com/project/internal/platform/backoff"
	"example.com/project/internal/platform/faultproxy"
	"example.com/project/internal/platform/registry"
)

const (
	patience  = 30 * time.Second        // for what is not measured
	atOnce    = 2500 * time.Millisecond // for a call that waits for nobody: requests to registries have 3 s
	namespace = "faults"
	service   = "a.v1.A"
	config    = `{"loadBalancingConfig": [{"round_robin": {}}]}`
	both      = faultproxy.ToServer | faultproxy.ToClient
)

// server is a gRPC server that answers health checks.
type server struct {
	addr   string
	health *health.Server
	stop   func()
}

func serve(t *testing.T) *server {
	t.Helper()
	leftover.ExpectNone(t)
	listener := listen(t)
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
	t        *testing.T
}

// registered is a server that the registry which open returns has to list.
func registered(t *testing.T, s *server, metadata map[string]string, open func(*slog.Logger) (*registry.Registrar, error)) *instance {
	t.Helper()
	leftover.ExpectNone(t)
	i := &instance{server: s, log: &log{}, t: t}
	var err error
	if i.registry, err = open(slog.New(slog.NewTextHandler(i.log, nil))); err != nil {
		t.Fatal(err)
	}
	i.registry.Register(registry.Instance{Services: []string{service}, Addr: s.addr, Metadata: metadata})
	t.Cleanup(func() {
		_ = i.deregister()
		if t.Failed() {
			t.Logf("%s logged:\n%s", s.addr, i.log)
		}
	})
	return i
}

// deregister takes the instance off. Whatever state the registry is in, that is not to hold up the end of an app.
func (i *instance) deregister() error {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	start := time.Now()
	err := i.registry.Deregister(ctx)
	if took := time.Since(start); took > 2*time.Second {
		i.t.Errorf("%s: stopped after %v", i.addr, took)
	}
	return err
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

// eventually waits until something holds, and returns how long that took. It fails the test after the limit. It asks again
// and again, because a registry that has lost its data tells nobody. What a test has when it ends is waited for, too.
func eventually(t *testing.T, limit time.Duration, what string, holds func(context.Context) bool) time.Duration {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	defer cancel()
	for !holds(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("%s: not within %v", what, limit)
		}
		backoff.Wait(ctx, 20*time.Millisecond)
	}
	took := time.Since(start).Round(time.Millisecond)
	t.Logf("%s: after %v (limit %v)", what, took, limit)
	return took
}

// during does something again and again for a while, which is the fault's own time, or in which something must not happen.
func during(t *testing.T, d time.Duration, do func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for ctx.Err() == nil {
		do(ctx)
		backoff.Wait(ctx, 20*time.Millisecond)
	}
}
