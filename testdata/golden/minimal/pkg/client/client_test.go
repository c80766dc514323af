package client

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

const (
	service  = "a.v1.A"
	contract = `{"retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}}`
)

func dial(t *testing.T, cfg Config) *grpc.ClientConn {
	t.Helper()
	conn, err := Dial(cfg, service, contract)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func check(t *testing.T, conn *grpc.ClientConn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return err
}

func TestDialTarget(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)

	conn := dial(t, Config{Targets: map[string]string{service: listener.Addr().String()}})
	if err := check(t, conn); err != nil {
		t.Error(err)
	}
}

// TestServersAcceptHowOftenTheyArePinged has a server with grpc-go's defaults, which most others have, too: a connection
// that is pinged more often than every 5 minutes is closed, and its calls are lost.
func TestServersAcceptHowOftenTheyArePinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(1 << 16)
		rpc := grpc.NewServer()
		healthpb.RegisterHealthServer(rpc, health.NewServer())
		go func() { _ = rpc.Serve(listener) }() // ends with Stop
		defer rpc.Stop()

		conn, err := Dial(Config{Targets: map[string]string{service: "passthrough:///a"}}, service, contract,
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		stream, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, rpc.Stop)
		quiet := time.Now()
		if _, err := stream.Recv(); time.Since(quiet) < time.Hour {
			t.Errorf("a stream on which nothing comes has ended after %v: %v", time.Since(quiet), err)
		}
	})
}

func TestDialNowhere(t *testing.T) {
	err := check(t, dial(t, Config{}))
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), service+" can't be found") {
		t.Errorf("got %v", err)
	}
}

func TestDialRefusesABrokenServiceConfig(t *testing.T) {
	if _, err := Dial(Config{}, service, "{"); err == nil || !strings.Contains(err.Error(), service) {
		t.Errorf("got %v", err)
	}
}

func TestDialRefusesUnknownBalancing(t *testing.T) {
	for _, of := range []string{service, "*"} {
		_, err := Dial(Config{Balancing: map[string]string{of: "fastest"}}, service, contract)
		if err == nil || !strings.Contains(err.Error(), service) || !strings.Contains(err.Error(), `"fastest"`) {
			t.Errorf("of %s: got %v", of, err)
		}
	}
}

func TestBalancingOfAServiceWinsOverThatOfAll(t *testing.T) {
	config, err := Config{Balancing: map[string]string{"*": "pick_first", service: "least_request"}}.serviceConfig(service, contract)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(config, "least_request") || !strings.Contains(config, "retryThrottling") {
		t.Errorf("got %s", config)
	}
}

func TestDialRefusesACanaryWithoutAShare(t *testing.T) {
	_, err := Dial(Config{Canary: map[string]string{service: "2.1.0 often"}}, service, contract)
	if err == nil || !strings.Contains(err.Error(), service) || !strings.Contains(err.Error(), "2.1.0 often") {
		t.Errorf("got %v", err)
	}
}

func TestDialWithACanary(t *testing.T) {
	canaries := map[string]string{service: "2.1.0 5%"}
	conn, err := Dial(Config{Canary: canaries, Balancing: map[string]string{"*": "weighted"}}, service, contract)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
