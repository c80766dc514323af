package faults_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/acme/shop/internal/platform/discovery"
	"github.com/acme/shop/pkg/client"
)

// someInstances registers servers, and returns an etcd that has them.
func someInstances(t *testing.T, n int) (*member, []*instance) {
	t.Helper()
	m := startEtcd(t)
	var all []*instance
	for range n {
		all = append(all, register(t, m.client))
	}
	awaitListed(t, m.connect(), patience, all...)
	return m, all
}

// called returns how often each instance has answered one of n calls.
func called(ctx context.Context, t *testing.T, conn *grpc.ClientConn, n int) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for range n {
		counts[callWith(ctx, t, conn)]++
	}
	return counts
}

// eventuallyAll returns once as many instances as want answer: connections are made one after the other.
func eventuallyAll(t *testing.T, conn *grpc.ClientConn, want int) {
	t.Helper()
	eventually(t, patience, fmt.Sprintf("%d called", want), func(ctx context.Context) bool {
		return len(called(ctx, t, conn, 4*want)) == want
	})
}

// TestClientAsksForHealth has an instance say that it isn't well, and later that it is.
func TestClientAsksForHealth(t *testing.T) {
	t.Parallel()
	m, all := someInstances(t, 2)
	conn := dial(t, at(m.client))
	eventuallyAll(t, conn, 2)
	all[0].health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	eventually(t, 5*time.Second, "not called", func(ctx context.Context) bool {
		return called(ctx, t, conn, 20)[all[0].addr] == 0
	})
	all[0].health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	eventuallyAll(t, conn, 2)
}

// TestClientHasASubset has clients that connect to two of eight.
func TestClientHasASubset(t *testing.T) {
	t.Parallel()
	m, _ := someInstances(t, 8)
	everybody := map[string]bool{}
	for range 20 {
		cfg := at(m.client)
		cfg.Subset = 2
		conn := dial(t, cfg)
		eventuallyAll(t, conn, 2)
		for addr := range called(t.Context(), t, conn, 20) {
			everybody[addr] = true
		}
	}
	if len(everybody) < 4 {
		t.Errorf("20 clients call %d of 8 instances: all have chosen the same", len(everybody))
	}
}

// TestClientPicksAnyFirst has clients that call one instance each, and not all the same.
func TestClientPicksAnyFirst(t *testing.T) {
	t.Parallel()
	m, _ := someInstances(t, 4)
	everybody := map[string]bool{}
	for range 20 {
		cfg := at(m.client)
		cfg.Balancing = map[string]string{"*": "pick_first"}
		counts := called(t.Context(), t, dial(t, cfg), 10)
		if len(counts) != 1 {
			t.Errorf("one client calls %v", counts)
		}
		for addr := range counts {
			everybody[addr] = true
		}
	}
	if len(everybody) < 2 {
		t.Error("all clients call the same instance")
	}
}

// TestClientHashes has the same value go to the same instance, from any client.
func TestClientHashes(t *testing.T) {
	t.Parallel()
	m, _ := someInstances(t, 4)
	cfg := at(m.client)
	cfg.Balancing = map[string]string{service: "consistent_hash:x-user-id"}
	one, other := dial(t, cfg), dial(t, cfg)
	of := func(ctx context.Context, conn *grpc.ClientConn, user int) string {
		return callWith(metadata.AppendToOutgoingContext(ctx, "x-user-id", fmt.Sprint(user)), t, conn)
	}
	eventually(t, patience, "all agree", func(ctx context.Context) bool { // once both have all connections
		everybody := map[string]bool{}
		for user := range 40 {
			addr := of(ctx, one, user)
			if everybody[addr] = true; of(ctx, other, user) != addr || of(ctx, one, user) != addr {
				return false
			}
		}
		return len(everybody) == 4
	})
}

// TestClientPropagates makes a call while serving one.
func TestClientPropagates(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	var mu sync.Mutex
	var got metadata.MD
	rpc := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		mu.Lock()
		got, _ = metadata.FromIncomingContext(ctx)
		mu.Unlock()
		return next(ctx, req)
	}))
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	conn := dial(t, client.Config{
		Targets: map[string]string{service: listener.Addr().String()}, Propagate: []string{"x-tenant"},
	})
	serving := metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-tenant", "acme", "x-secret", "s"))
	callWith(serving, t, conn)
	mu.Lock()
	defer mu.Unlock()
	if tenant := got.Get("x-tenant"); len(tenant) != 1 || tenant[0] != "acme" || len(got.Get("x-secret")) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestClientConnectsAgain has an instance be away for long enough for gRPC's own back-off to have grown beyond 10 s.
func TestClientConnectsAgain(t *testing.T) {
	t.Parallel()
	s := serve(t)
	conn := dial(t, client.Config{Targets: map[string]string{service: s.addr}})
	callWith(t.Context(), t, conn)
	s.stop()
	during(t, 30*time.Second, func(ctx context.Context) { _, _ = call(conn, 10*time.Millisecond) })
	serveAt(t, s.addr)
	eventually(t, 8*time.Second, "called again", func(context.Context) bool {
		_, err := call(conn, time.Second)
		return err == nil
	})
}

// TestMetadata has what an instance says of itself come to those who call it.
func TestMetadata(t *testing.T) {
	t.Parallel()
	m, _ := someInstances(t, 1)
	awaitDescribed(t, discovery.Target(namespace, service), discovery.Config{Endpoints: []string{m.client}, CacheDir: "none"})
}

// contract has one method that may be repeated, and one that waits for an instance.
const contract = `{"methodConfig": [
  {"name": [{"service": "grpc.health.v1.Health", "method": "Check"}], "retryPolicy": {
    "maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.02s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}},
  {"name": [{"service": "grpc.health.v1.Health", "method": "Watch"}], "waitForReady": true}]}`

// TestClientRepeatsWhatItMay has a server fail two calls of three.
func TestClientRepeatsWhatItMay(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	var calls atomic.Int64
	rpc := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if calls.Add(1)%3 != 0 {
			return nil, status.Error(codes.Unavailable, "sick")
		}
		return next(ctx, req)
	}))
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	conn, err := client.Dial(client.Config{Targets: map[string]string{service: listener.Addr().String()}}, service, contract)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || calls.Load() != 3 {
		t.Errorf("what may be repeated: %v after %d calls", err, calls.Load())
	}
	if _, err := healthpb.NewHealthClient(conn).List(t.Context(), &healthpb.HealthListRequest{}); status.Code(err) != codes.Unavailable || calls.Load() != 4 {
		t.Errorf("what may not: %v after %d calls", err, calls.Load()-3)
	}
}

// TestClientWaitsWhereItIsTo has a server start late.
func TestClientWaitsWhereItIsTo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.stop()
	conn, err := client.Dial(client.Config{Targets: map[string]string{service: s.addr}}, service, contract)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("a call that doesn't wait: %v", err)
	}
	began := make(chan error)
	go func() {
		stream, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		began <- err
	}()
	select {
	case err := <-began:
		t.Errorf("a call that waits ends: %v", err)
	case <-time.After(time.Second):
		serveAt(t, s.addr)
		if err := <-began; err != nil {
			t.Error(err)
		}
	}
}

// serveAt starts a server where another one has been.
func serveAt(t *testing.T, addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
}
