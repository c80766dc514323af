package client

import (
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
)

// endpoints are of services that are not there.
var endpoints = []string{"a.v1.A=127.0.0.1:1", "b.v1.B=127.0.0.1:1"}

// TestDialSpreadsCalls has a service of two instances.
func TestDialSpreadsCalls(t *testing.T) {
	var cfg Config
	for range 2 {
		cfg.Endpoints = append(cfg.Endpoints, service+"="+serve(t))
	}
	conn, called := dial(t, cfg), map[string]bool{}
	for range 1000 {
		var by peer.Peer
		_, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.Peer(&by))
		if err != nil {
			t.Fatal(err)
		}
		if called[by.Addr.String()] = true; len(called) == 2 {
			return
		}
	}
	t.Errorf("called %v", called)
}

func serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	return listener.Addr().String()
}
