package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// untraced is for an app whose traces go nowhere. Its spans have ids, for log lines and for the services that are called,
// which may trace; nothing else of them would be seen by anybody, and it is most of what they cost.
type untraced struct{ embedded.TracerProvider }

func (untraced) Tracer(string, ...trace.TracerOption) trace.Tracer { return untracedTracer{} }

type untracedTracer struct{ embedded.Tracer }

// Start begins a span for a call that comes from outside, or from nowhere. What happens within has no span of its own; if
// that around it is recorded, by another provider, it is not the caller's to end.
func (untracedTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	parent := trace.SpanContextFromContext(ctx)
	if parent.IsValid() && !parent.IsRemote() {
		span := trace.SpanFromContext(ctx)
		if span.IsRecording() {
			span = trace.SpanFromContext(trace.ContextWithSpanContext(ctx, parent))
		}
		return ctx, span
	}
	if !parent.IsValid() {
		parent = trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID(), TraceFlags: trace.FlagsSampled})
	}
	ctx = trace.ContextWithSpanContext(ctx, parent.WithSpanID(spanID()).WithRemote(false))
	return ctx, trace.SpanFromContext(ctx)
}

func traceID() (id trace.TraceID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1) // none may be all zeros
	return id
}

func spanID() (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}
