package balancing

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"example.com/depot/internal/platform/discovery"
)

// quickly is for tests, which don't wait.
var quickly = Outliers{Interval: "0.05s", MinCalls: 2, Percent: 50, Pause: "0.1s", Most: 50}

// flaky is a server that says that it is serving, and fails.
type flaky struct {
	*health.Server
	sick  atomic.Bool
	calls atomic.Int64
}

func (f *flaky) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	f.calls.Add(1)
	if f.sick.Load() {
		return nil, status.Error(codes.Unavailable, "sick")
	}
	return f.Server.Check(ctx, req)
}

func startFlaky(t *testing.T) (*flaky, *instance) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Server: health.NewServer()}
	f.sick.Store(true)
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, f)
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	return f, &instance{Instance: discovery.Instance{Addr: listener.Addr().String()}}
}

func TestOutliersAreLeftOutForAWhile(t *testing.T) {
	for _, name := range []string{RoundRobin, Weighted, LeastRequest, ConsistentHash + ":x-user-id"} {
		t.Run(name, func(t *testing.T) {
			sick, at := startFlaky(t)
			client, _ := dial(t, WithoutOutliers(quickly, ByVersion("2", policy(t, name))), at, start(t, nil))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			for before := int64(-1); before < sick.calls.Load() || before == 0; {
				before = sick.calls.Load()
				for range 20 {
					_, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
					if code := status.Code(err); code != codes.OK && code != codes.Unavailable {
						t.Fatal(err)
					}
				}
			}
			sick.sick.Store(false)
			well := sick.calls.Load() + 10
			until(ctx, t, client, func() bool { return sick.calls.Load() > well })
		})
	}
}

// TestMostOfThemSick has grpc-go leave out 30% of four, rounded up.
func TestMostOfThemSick(t *testing.T) {
	at := []*instance{start(t, nil)}
	var sick []*flaky
	for range 3 {
		f, started := startFlaky(t)
		sick, at = append(sick, f), append(at, started)
	}
	limits := quickly
	limits.Most, limits.Pause = 30, "60s"
	client, _ := dial(t, WithoutOutliers(limits, policy(t, RoundRobin)), at...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for out := 0; out != 2; {
		for _, f := range sick {
			f.calls.Store(0)
		}
		for range 40 {
			if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); ctx.Err() != nil {
				t.Fatalf("%d are left out: %v", out, err)
			}
		}
		out = 0
		for _, f := range sick {
			if f.calls.Load() == 0 {
				out++
			}
		}
	}
}

func TestOutliersAreNotThoseWhoSayNo(t *testing.T) {
	for code, want := range map[codes.Code]bool{
		codes.OK: false, codes.NotFound: false, codes.Canceled: false, codes.Unauthenticated: false,
		codes.Unavailable: true, codes.Internal: true, codes.ResourceExhausted: true, codes.DeadlineExceeded: true,
	} {
		if got := failed(status.Error(code, "")); got != want {
			t.Errorf("%s: got %v", code, got)
		}
	}
}

// TestOutliersAreNotThoseWhoCantBeAsked has gRPC refuse messages, with codes that are an instance's otherwise.
func TestOutliersAreNotThoseWhoCantBeAsked(t *testing.T) {
	client, _ := dial(t, policy(t, RoundRobin), start(t, nil))
	for code, ask := range map[codes.Code]func() error{
		codes.Internal: func() error {
			_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "\xff"}, grpc.WaitForReady(true))
			return err
		},
		codes.ResourceExhausted: func() error {
			_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "a"}, grpc.WaitForReady(true), grpc.MaxCallSendMsgSize(1))
			return err
		},
	} {
		if err := ask(); status.Code(err) != code || failed(err) {
			t.Errorf("want an error of code %s that doesn't count, got %v", code, err)
		}
	}
}
