// Package calls measures what a call through an emitted client costs, beside the same call through a bare connection of
// grpc-go. Its subpackages do so in different processes: what one of them imports changes the calls of both sides.
// internal/e2e runs them inside the golden shop.
package calls

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"

	"github.com/acme/shop/internal/platform/config"
	"github.com/acme/shop/pkg/client"
)

const (
	service  = "grpc.testing.TestService"
	contract = `{
  "methodConfig": [{"name": [{"service": "grpc.testing.TestService", "method": "EmptyCall"}], "timeout": "5s"}],
  "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}
}`
	warmUp = 100 * time.Millisecond
	round  = 200 * time.Millisecond
)

type server struct {
	grpc_testing.UnimplementedTestServiceServer
}

func (server) EmptyCall(context.Context, *grpc_testing.Empty) (*grpc_testing.Empty, error) {
	return &grpc_testing.Empty{}, nil
}

// serve starts a server, and returns its address and what ends it.
func serve(b *testing.B) (addr string, stop func()) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	rpc := grpc.NewServer()
	grpc_testing.RegisterTestServiceServer(rpc, server{})
	healthpb.RegisterHealthServer(rpc, health.NewServer()) // which the emitted client asks
	go func() { _ = rpc.Serve(listener) }()                // ends with Stop
	return listener.Addr().String(), rpc.Stop
}

// limit is how long the caller gives a call: as long as the contract does.
const limit = 5 * time.Second

// floors are what the emitted client is compared with: nothing but a connection; one that sends a trace with each call, as
// the client of an app does; one that shows calls to OpenTelemetry as well, in the usual way; and nothing but a connection,
// by a caller that would wait for ever, whose calls get a deadline from the emitted client, and none from the other.
var floors = []struct {
	name    string
	options []grpc.DialOption
	limit   time.Duration // 0 for none
}{
	{"bare", nil, limit},
	{"traced", []grpc.DialOption{grpc.WithUnaryInterceptor(traced)}, limit},
	{"usual", []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler())}, limit},
	{"endless", nil, 0},
}

func connect(b *testing.B, addr string, options []grpc.DialOption) *grpc.ClientConn {
	b.Helper()
	conn, err := grpc.NewClient(addr, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		b.Fatal(err)
	}
	return conn
}

// traced sends an id with a call, another one with each, as https://www.w3.org/TR/trace-context has it.
func traced(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	var id [24]byte
	for i := 0; i < len(id); i += 8 {
		binary.NativeEndian.PutUint64(id[i:], rand.Uint64())
	}
	trace := fmt.Sprintf("00-%x-%x-00", id[:16], id[16:])
	return invoke(metadata.AppendToOutgoingContext(ctx, "traceparent", trace), method, req, reply, conn, options...)
}

// emitted has the defaults of an app, and the service config of a contract with one method. It is told the address: a
// resolver that has found one has nothing to do with calls.
func emitted(b *testing.B, addr string) *grpc.ClientConn {
	b.Helper()
	cfg := config.Default()
	conn, err := client.Dial(client.Config{
		Targets:   map[string]string{service: addr},
		Balancing: cfg.Client.Balancing,
		Breaker:   client.Breaker(cfg.Client.Breaker),
	}, service, contract)
	if err != nil {
		b.Fatal(err)
	}
	return conn
}

// result is what some callers got out of a client in a round.
type result struct {
	calls float64
	p99   time.Duration
}

// callers call as often as they can.
type callers struct {
	number int
	limit  time.Duration // that they give a call; 0 for none
}

// call makes a call.
func (c callers) call(client grpc_testing.TestServiceClient) error {
	ctx := context.Background()
	if c.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.limit)
		defer cancel()
	}
	_, err := client.EmptyCall(ctx, &grpc_testing.Empty{})
	return err
}

// measure has them call for so long.
func (c callers) measure(b *testing.B, conn *grpc.ClientConn, long time.Duration) result {
	b.Helper()
	client := grpc_testing.NewTestServiceClient(conn)
	took := make([][]time.Duration, c.number)
	var all sync.WaitGroup
	end := time.Now().Add(long)
	for i := range c.number {
		all.Go(func() {
			for start := time.Now(); start.Before(end); {
				if err := c.call(client); err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(start))
				start = now
			}
		})
	}
	all.Wait()
	each := slices.Concat(took...)
	if len(each) == 0 {
		b.Fatal("no call")
	}
	slices.Sort(each)
	return result{calls: float64(len(each)), p99: each[len(each)*99/100]}
}

// Benchmark reports medians of ratios within rounds: b.N is the number of rounds.
func Benchmark(b *testing.B) {
	for _, number := range []int{1, 32, 256} {
		for _, floor := range floors {
			b.Run(fmt.Sprintf("floor=%s/callers=%d", floor.name, number), func(b *testing.B) {
				var throughput, p99 []float64
				for b.Loop() {
					calls, slow := callers{number, floor.limit}.compare(b, floor.options)
					throughput, p99 = append(throughput, calls), append(p99, slow)
				}
				b.ReportMetric(0, "ns/op") // of a round
				b.ReportMetric(median(throughput), "x-throughput")
				b.ReportMetric(median(p99), "x-p99")
			})
		}
	}
}

// compare is a round, in which both clients take turns. Their connections, and the server, are new in each: some are faster
// than others that are like them.
func (c callers) compare(b *testing.B, options []grpc.DialOption) (throughput, p99 float64) {
	b.Helper()
	addr, stop := serve(b)
	defer stop()
	floor, ours := connect(b, addr, options), emitted(b, addr)
	defer floor.Close()
	defer ours.Close()
	c.measure(b, floor, warmUp)
	c.measure(b, ours, warmUp)
	// Neither gains from being first.
	first, x, y, last := c.measure(b, floor, round), c.measure(b, ours, round), c.measure(b, ours, round), c.measure(b, floor, round)
	return (x.calls + y.calls) / (first.calls + last.calls), float64(x.p99+y.p99) / float64(first.p99+last.p99)
}

func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
