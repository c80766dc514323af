package outgoing

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

const method = "/a.v1.A/Get"

var limits = Breaker{Ratio: 0.5, MinCalls: 10, Pause: 5 * time.Second}

func newTestBreakers(t *testing.T) *breakers {
	t.Helper()
	b, err := newBreakers("a.v1.A", limits)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call has the service answer with a code, and reports whether it was asked, and what the caller got.
func call(b *breakers, answer codes.Code) (asked bool, got codes.Code) {
	err := b.unary(context.Background(), method, nil, nil, nil,
		func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			asked = true
			return status.Error(answer, "") // nil for OK
		})
	return asked, status.Code(err)
}

func repeat(b *breakers, n int, answer codes.Code) {
	for range n {
		call(b, answer)
	}
}

func isOpen(b *breakers) bool {
	asked, got := call(b, codes.Canceled)
	return !asked && got == codes.Unavailable
}

func TestBreakerOpensForFailures(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal, codes.ResourceExhausted, codes.DeadlineExceeded} {
		b := newTestBreakers(t)
		repeat(b, 5, codes.OK)
		repeat(b, 4, code)
		if isOpen(b) {
			t.Errorf("%v: open after 9 calls", code)
		}
		call(b, code)
		if !isOpen(b) {
			t.Errorf("%v: closed after 5 failures of 10", code)
		}
	}
}

func TestBreakerStaysClosed(t *testing.T) {
	answers := []codes.Code{
		codes.OK, codes.Canceled, codes.Unknown, codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.Unimplemented, codes.DataLoss, codes.Unauthenticated,
	}
	for _, code := range answers {
		b := newTestBreakers(t)
		repeat(b, 100, code)
		if isOpen(b) {
			t.Errorf("%v: open", code)
		}
	}
}

// TestBreakerIsNotForMessages makes calls with messages that gRPC itself refuses, with the codes of services that are not well.
func TestBreakerIsNotForMessages(t *testing.T) {
	server := grpc.NewServer(grpc.MaxRecvMsgSize(100))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	for name, request := range map[string]*healthpb.HealthCheckRequest{
		"no UTF-8": {Service: "\xff"}, "too large for the server": {Service: strings.Repeat("a", 200)}, "too large for the client": {Service: strings.Repeat("a", 2000)},
	} {
		b := newTestBreakers(t)
		conn, err := grpc.NewClient("passthrough:", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUnaryInterceptor(b.unary),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(1000)))
		if err != nil {
			t.Fatal(err)
		}
		client := healthpb.NewHealthClient(conn)
		for range 20 {
			if _, err := client.Check(t.Context(), request); err == nil {
				t.Fatalf("%s: it is taken", name)
			}
		}
		if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			t.Errorf("%s: then one that is fit gets %v", name, err)
		}
		_ = conn.Close()
	}
}

func TestBreakerForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreakers(t)
		for range 10 {
			repeat(b, 9, codes.Unavailable)
			time.Sleep(window + bucket)
		}
		if isOpen(b) {
			t.Error("open for failures of long ago")
		}
	})
}

func TestBreakerIsPerMethod(t *testing.T) {
	b := newTestBreakers(t)
	repeat(b, 10, codes.Unavailable)
	call, err := b.begin(t.Context(), nil, "/a.v1.A/List")
	if err != nil {
		t.Fatal("open for another method, too")
	}
	call.end(nil)
}

func TestBreakerProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreakers(t)
		repeat(b, 10, codes.Unavailable)
		time.Sleep(limits.Pause + 1)
		call(b, codes.Unavailable)
		if !isOpen(b) {
			t.Error("closed after a probe that failed")
		}
		time.Sleep(limits.Pause + 1)
		repeat(b, probes, codes.OK)
		repeat(b, 9, codes.Unavailable)
		if isOpen(b) {
			t.Error("open after probes that succeeded")
		}
	})
}

func TestBreakerLimitsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreakers(t)
		repeat(b, 10, codes.Unavailable)
		time.Sleep(limits.Pause + 1)
		var calls []*guardedCall
		for range probes {
			call, err := b.begin(t.Context(), nil, method)
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, call)
		}
		if asked, got := call(b, codes.OK); asked || got != codes.Unavailable {
			t.Errorf("got %v while all probes are in flight", got)
		}
		for _, call := range calls {
			call.abandon()
		}
		repeat(b, probes, codes.OK)
		if asked, _ := call(b, codes.OK); !asked {
			t.Error("probes that were abandoned are waited for")
		}
	})
}

func TestBreakerOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreakers(t)
		repeat(b, 10, codes.Unavailable)
		time.Sleep(limits.Pause + 1)
		for range 2 * probes {
			func() {
				defer func() { _ = recover() }()
				_ = b.unary(t.Context(), method, nil, nil, nil,
					func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { panic("oops") })
			}()
			func() {
				defer func() { _ = recover() }()
				_, _ = b.stream(t.Context(), &grpc.StreamDesc{}, nil, method,
					func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
						panic("oops")
					})
			}()
		}
		if asked, _ := call(b, codes.OK); !asked {
			t.Error("calls that panicked are waited for")
		}
	})
}

func TestPatience(t *testing.T) {
	contract := 4 * time.Second
	tests := []struct {
		given    time.Duration
		contract *time.Duration
		want     bool
	}{
		{4 * time.Second, &contract, true},
		{2 * time.Second, &contract, true},
		{time.Second, &contract, false},
		{time.Hour, nil, false},
	}
	for _, test := range tests {
		if got := patient(test.given, test.contract); got != test.want {
			t.Errorf("%v of %v: got %v", test.given, test.contract, got)
		}
	}
	short := &guardedCall{patient: false}
	if got := short.verdict(status.Error(codes.DeadlineExceeded, "")); !errors.Is(got, errNoVerdict) {
		t.Errorf("a deadline that is the caller's: got %v", got)
	}
}

// fakeStream answers with what it is told.
type fakeStream struct {
	grpc.ClientStream
	received error
	finish   func(error)
}

func (s *fakeStream) RecvMsg(any) error { return s.received }

func openStream(t *testing.T, b *breakers, stream *fakeStream) (grpc.ClientStream, error) {
	t.Helper()
	return b.stream(t.Context(), &grpc.StreamDesc{}, nil, method,
		func(_ context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, options ...grpc.CallOption) (grpc.ClientStream, error) {
			for _, option := range options {
				if o, ok := option.(grpc.OnFinishCallOption); ok {
					stream.finish = o.OnFinish
				}
			}
			return stream, nil
		})
}

func TestBreakerCountsStreams(t *testing.T) {
	b := newTestBreakers(t)
	for range 9 {
		stream := &fakeStream{received: io.EOF}
		if _, err := openStream(t, b, stream); err != nil {
			t.Fatal(err)
		}
		stream.finish(status.Error(codes.Unavailable, ""))
	}
	answered := &fakeStream{}
	stream, err := openStream(t, b, answered)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(nil); err != nil {
		t.Fatal(err)
	}
	answered.finish(status.Error(codes.Unavailable, "")) // after an answer: not counted again
	if isOpen(b) {
		t.Error("a stream that answered counts as failed")
	}
	last := &fakeStream{}
	if _, err := openStream(t, b, last); err != nil {
		t.Fatal(err)
	}
	last.finish(status.Error(codes.Unavailable, ""))
	if _, err := openStream(t, b, &fakeStream{}); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want it to be open", err)
	}
}

func TestSilentStreamsAreNotWaitedForAsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreakers(t)
		repeat(b, 10, codes.Unavailable)
		time.Sleep(limits.Pause + 1)
		for range probes {
			if _, err := openStream(t, b, &fakeStream{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := openStream(t, b, &fakeStream{}); status.Code(err) != codes.Unavailable {
			t.Errorf("got %v, want no more streams than probes so soon", err)
		}
		time.Sleep(lasting + 1)
		repeat(b, 9, codes.Unavailable)
		if isOpen(b) {
			t.Error("streams that last don't count as successes")
		}
	})
}

func TestStreamsThatEndAreNotTakenForLasting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreakers(t)
		repeat(b, 10, codes.Unavailable)
		time.Sleep(limits.Pause + 1)
		for range 2 * probes {
			stream := &fakeStream{}
			if _, err := openStream(t, b, stream); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lasting - 1)
			stream.finish(status.Error(codes.Canceled, "")) // says nothing
		}
		time.Sleep(lasting + 1)
		call(b, codes.Unavailable)
		if !isOpen(b) {
			t.Error("they have closed it")
		}
	})
}

func TestBreakerShowsItsState(t *testing.T) {
	before := otel.GetMeterProvider()
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	b := newTestBreakers(t)
	call(b, codes.OK)
	if got := state(t, reader); got != 0 {
		t.Errorf("got %d while it is closed", got)
	}
	repeat(b, 20, codes.Unavailable)
	if got := state(t, reader); got != 2 {
		t.Errorf("got %d while it is open", got)
	}
	_, err := b.begin(t.Context(), nil, method)
	if err == nil || !strings.Contains(err.Error(), method) {
		t.Errorf("got %v, want it to name the method", err)
	}
}

func state(t *testing.T, reader metric.Reader) int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	gauge := all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Gauge[int64])
	return gauge.DataPoints[0].Value
}
