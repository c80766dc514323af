package telemetry

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestUntracedCallsHaveIDs(t *testing.T) {
	tracer := untraced{}.Tracer("test")
	ctx, span := tracer.Start(t.Context(), "root")
	root := span.SpanContext()
	if !root.IsValid() || !root.IsSampled() || root.IsRemote() {
		t.Errorf("the first span of a trace is %+v", root)
	}
	if _, span := tracer.Start(ctx, "child"); !span.SpanContext().Equal(root) {
		t.Errorf("a span within is %+v", span.SpanContext())
	}
	if _, span := tracer.Start(t.Context(), "other"); span.SpanContext().TraceID() == root.TraceID() {
		t.Error("two traces have the same id")
	}
}

func TestUntracedCallsGoOnWithTheTraceTheyComeFrom(t *testing.T) {
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true})
	_, span := untraced{}.Tracer("test").Start(trace.ContextWithRemoteSpanContext(t.Context(), remote), "call")
	got := span.SpanContext()
	if got.TraceID() != remote.TraceID() || got.SpanID() == remote.SpanID() || got.IsSampled() || got.IsRemote() {
		t.Errorf("got %+v", got)
	}
}
