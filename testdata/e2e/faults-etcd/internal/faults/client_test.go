package faults_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

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
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	eventually(t, 8*time.Second, "called again", func(context.Context) bool {
		_, err := call(conn, time.Second)
		return err == nil
	})
}
