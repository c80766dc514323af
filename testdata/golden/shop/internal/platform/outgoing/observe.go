package outgoing

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// observer shows calls to OpenTelemetry, under the names of its semantic conventions for RPC: a span for each, how long
// they take, and the trace in their metadata. otelgrpc's handler for clients does so for each attempt of gRPC's, in a
// metric that has as many series as there are instances, and costs a call several times as much. See
// https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics.
type observer struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	duration   metric.Float64Histogram
	methods    sync.Map // from a method's name to its *observed
}

func newObserver(tracers trace.TracerProvider, meters metric.MeterProvider, propagator propagation.TextMapPropagator) (*observer, error) {
	const scope = "github.com/acme/shop/internal/platform/outgoing"
	duration, err := meters.Meter(scope).Float64Histogram("rpc.client.call.duration", metric.WithUnit("s"),
		metric.WithDescription("How long calls take, all attempts together"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &observer{tracer: tracers.Tracer(scope), propagator: propagator, duration: duration}, nil
}

// observation is a call that has begun.
type observation struct {
	*observer
	method *observed
	span   trace.Span
	peer   *peer.Peer // that answered; nil if nobody wants to know
	start  time.Time
}

func (o *observer) begin(ctx context.Context, method string) (context.Context, observation) {
	m := o.of(method)
	ctx, span := o.tracer.Start(ctx, m.name, m.span...)
	var sent carrier
	o.propagator.Inject(ctx, &sent)
	return sent.context(ctx), observation{observer: o, method: m, span: span, start: time.Now()}
}

func (c observation) end(ctx context.Context, err error) {
	answer := status.Code(err)
	if int(answer) >= len(answers) {
		answer = codes.Unknown // which gRPC has clients take others for
	}
	if c.duration.Enabled(ctx) {
		c.duration.Record(ctx, time.Since(c.start).Seconds(), c.method.ended[answer])
	}
	if !c.span.IsRecording() {
		return
	}
	c.span.SetAttributes(ended(answers[answer])...)
	if err != nil {
		c.span.SetStatus(otelcodes.Error, status.Convert(err).Message())
	}
	if c.peer != nil && c.peer.Addr != nil {
		c.span.SetAttributes(attribute.String("network.peer.address", c.peer.Addr.String()))
	}
	c.span.End()
}

// answers are the names of gRPC's codes in OpenTelemetry, which are those of google/rpc/code.proto.
var answers = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// observed is what there is to say about all calls of a method.
type observed struct {
	name  string
	span  []trace.SpanStartOption
	ended [len(answers)]metric.MeasurementOption // by how they end
}

func (o *observer) of(method string) *observed {
	if found, ok := o.methods.Load(method); ok {
		return found.(*observed)
	}
	m := &observed{name: strings.TrimPrefix(method, "/")}
	begun := []attribute.KeyValue{attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", m.name)}
	m.span = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(begun...)}
	for answer, name := range answers {
		m.ended[answer] = metric.WithAttributeSet(attribute.NewSet(append(ended(name), begun...)...))
	}
	found, _ := o.methods.LoadOrStore(method, m)
	return found.(*observed)
}

// ended says how a call ended.
func ended(answer string) []attribute.KeyValue {
	attributes := []attribute.KeyValue{attribute.String("rpc.response.status_code", answer)}
	if answer != answers[codes.OK] {
		attributes = append(attributes, attribute.String("error.type", answer))
	}
	return attributes
}

// carrier takes what is propagated, as metadata.
type carrier []string

func (c *carrier) Set(key, value string) { *c = append(*c, key, value) }
func (*carrier) Get(string) string       { return "" }
func (*carrier) Keys() []string          { return nil }

// context has a call made with ctx go out with what is propagated. It replaces what is there already, as it is when a
// caller forwards metadata that it was called with: servers take the first of several values.
func (c carrier) context(ctx context.Context) context.Context {
	for i := 0; i < len(c); i += 2 {
		if len(outgoing(ctx, c[i])) > 0 {
			return c.replace(ctx)
		}
	}
	if len(c) == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, c...)
}

func (c carrier) replace(ctx context.Context) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	for i := 0; i < len(c); i += 2 {
		md.Set(c[i], c[i+1])
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// globalObserver shows calls to the process-wide OpenTelemetry, as libraries do.
func globalObserver() (*observer, error) {
	return newObserver(otel.GetTracerProvider(), otel.GetMeterProvider(), otel.GetTextMapPropagator())
}
