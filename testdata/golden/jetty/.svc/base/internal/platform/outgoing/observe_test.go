package outgoing

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ways to call a service that answers with a code, and keeps the context that it was called with.
var ways = map[string]func(c *calls, answer codes.Code, called *context.Context){
	"unary": func(c *calls, answer codes.Code, called *context.Context) {
		_ = c.unary(context.Background(), method, nil, nil, nil,
			func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
				*called = ctx
				return status.Error(answer, "so")
			})
	},
	"stream": func(c *calls, answer codes.Code, called *context.Context) {
		_, _ = c.stream(context.Background(), &grpc.StreamDesc{}, nil, method,
			func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, options ...grpc.CallOption) (grpc.ClientStream, error) {
				*called = ctx
				options[0].(grpc.OnFinishCallOption).OnFinish(status.Error(answer, "so"))
				return nil, nil
			})
	},
	"stream that can't be opened": func(c *calls, answer codes.Code, called *context.Context) {
		_, _ = c.stream(context.Background(), &grpc.StreamDesc{}, nil, method,
			func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, options ...grpc.CallOption) (grpc.ClientStream, error) {
				*called = ctx
				err := status.Error(answer, "so")
				options[0].(grpc.OnFinishCallOption).OnFinish(err)
				return nil, err
			})
	},
}

func tagged(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-tag", "a")
}

func TestCallsAreObserved(t *testing.T) {
	for name, call := range ways {
		for answer, want := range map[codes.Code]string{codes.OK: "OK", codes.NotFound: "NOT_FOUND", codes.Canceled: "CANCELLED", 99: "UNKNOWN"} {
			t.Run(name+"/"+want, func(t *testing.T) {
				spans, durations := tracetest.NewSpanRecorder(), metric.NewManualReader()
				o, err := newObserver(trace.NewTracerProvider(trace.WithSpanProcessor(spans)),
					metric.NewMeterProvider(metric.WithReader(durations)), propagation.TraceContext{})
				if err != nil {
					t.Fatal(err)
				}
				var called context.Context
				call(&calls{observe: o, before: steps{tagged}}, answer, &called)

				ended := spans.Ended()
				if len(ended) != 1 || ended[0].Name() != strings.TrimPrefix(method, "/") {
					t.Fatalf("got spans %v", ended)
				}
				checkAttributes(t, attribute.NewSet(ended[0].Attributes()...), want)
				checkAttributes(t, measured(t, durations), want)
				sent, _ := metadata.FromOutgoingContext(called)
				if len(sent.Get("x-tag")) != 1 {
					t.Errorf("sends %v", sent)
				}
				trace := ended[0].SpanContext()
				if got := sent.Get("traceparent"); len(got) != 1 || got[0] != "00-"+trace.TraceID().String()+"-"+trace.SpanID().String()+"-01" {
					t.Errorf("the trace that goes on is %q, want that of %v", got, trace)
				}
			})
		}
	}
}

// TestForwardedMetadata has a caller send on what it was called with itself, which has the trace as it was before.
func TestForwardedMetadata(t *testing.T) {
	o, err := newObserver(trace.NewTracerProvider(), metric.NewMeterProvider(), propagation.TraceContext{})
	if err != nil {
		t.Fatal(err)
	}
	given := metadata.MD{"traceparent": {"00-01000000000000000000000000000000-0100000000000000-01"}, "x-tenant": {"a"}}
	ctx, call := o.begin(metadata.NewOutgoingContext(t.Context(), given), method)
	got, _ := metadata.FromOutgoingContext(ctx)
	if parents := got.Get("traceparent"); len(parents) != 1 || !strings.Contains(parents[0], call.span.SpanContext().SpanID().String()) {
		t.Errorf("the trace that goes on is %q, want that of %v", parents, call.span.SpanContext())
	}
	if len(got.Get("x-tenant")) != 1 || !strings.HasPrefix(given.Get("traceparent")[0], "00-01") {
		t.Errorf("sends %v; the caller's own metadata is now %v", got, given)
	}
}

func checkAttributes(t *testing.T, got attribute.Set, want string) {
	t.Helper()
	failure := want
	if want == "OK" {
		failure = ""
	}
	for key, want := range map[attribute.Key]string{
		"rpc.system.name": "grpc", "rpc.method": "a.v1.A/Get", "rpc.response.status_code": want, "error.type": failure,
	} {
		if value, _ := got.Value(key); value.AsString() != want {
			t.Errorf("%s: got %q, want %q", key, value.AsString(), want)
		}
	}
}

// measured returns the attributes of the one call that has been measured.
func measured(t *testing.T, reader metric.Reader) attribute.Set {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.ScopeMetrics) != 1 || len(got.ScopeMetrics[0].Metrics) != 1 || got.ScopeMetrics[0].Metrics[0].Name != "rpc.client.call.duration" {
		t.Fatalf("got %+v", got)
	}
	points := got.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints
	if len(points) != 1 || points[0].Count != 1 {
		t.Fatalf("got %+v", points)
	}
	return points[0].Attributes
}
