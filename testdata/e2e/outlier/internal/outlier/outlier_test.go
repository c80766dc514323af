// Package outlier_test has one of three instances fail all its calls, inside the golden depot, which leaves such instances out.
package outlier_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"example.com/depot/pkg/client"
	"example.com/depot/pkg/client/depot/v1/routesclient"
)

// sick fails unary calls, and says that it is well.
func sick(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
	return nil, status.Error(codes.Internal, "sick")
}

func serve(t *testing.T, options ...grpc.ServerOption) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer(options...)
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	return listener.Addr().String()
}

// TestSickInstanceIsLeftOut calls until an instance is found to be sick: every 5 s it is looked.
func TestSickInstanceIsLeftOut(t *testing.T) {
	cfg := client.Config{CacheDir: "none"}
	for _, addr := range []string{serve(t), serve(t), serve(t, grpc.UnaryInterceptor(sick))} {
		cfg.Endpoints = append(cfg.Endpoints, fmt.Sprintf("%s=%s", routesclient.Service, addr))
	}
	_, conn, err := routesclient.Dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	failed := func(calls int) (n int) {
		for range calls {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
				n++
			}
			cancel()
		}
		return n
	}
	if failed(60) == 0 {
		t.Fatal("nobody is sick")
	}
	begin, tick := time.Now(), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for failed(30) > 0 {
		if time.Since(begin) > 20*time.Second {
			t.Fatal("it is not left out")
		}
		<-tick.C
	}
	t.Logf("left out after %v", time.Since(begin).Round(time.Millisecond))
}
