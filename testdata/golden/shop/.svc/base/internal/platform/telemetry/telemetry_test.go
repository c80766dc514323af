package telemetry_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/acme/shop/internal/platform/config"
	"github.com/acme/shop/internal/platform/telemetry"
)

// start has traces go to a collector, or nowhere if that is "".
func start(t *testing.T, collector string) *telemetry.Telemetry {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	cfg := config.Default()
	cfg.App = config.App{Name: "shop", Version: "v1.2.3"}
	tel, err := telemetry.Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func TestStartServesMetrics(t *testing.T) {
	tel := start(t, "")
	counter, err := otel.Meter("test").Int64Counter("things")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 2)

	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"things_total 2", "go_goroutines", `service_name="shop"`, `service_version="v1.2.3"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCallsThatNobodyTracesHaveIDs(t *testing.T) {
	start(t, "")
	tracer := otel.GetTracerProvider().Tracer("test")
	ctx, span := tracer.Start(t.Context(), "root")
	root := span.SpanContext()
	if !root.IsValid() || !root.IsSampled() || root.IsRemote() {
		t.Errorf("the first span of a trace is %+v", root)
	}
	if _, span := tracer.Start(ctx, "child"); span.SpanContext().TraceID() != root.TraceID() {
		t.Errorf("a span within is %+v", span.SpanContext())
	}
	if _, span := tracer.Start(t.Context(), "other"); span.SpanContext().TraceID() == root.TraceID() {
		t.Error("two traces have the same id")
	}
}

func TestCallsThatNobodyTracesGoOnWithTheTraceTheyComeFrom(t *testing.T) {
	start(t, "")
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true})
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), remote)
	_, span := otel.GetTracerProvider().Tracer("test").Start(ctx, "call")
	got := span.SpanContext()
	if got.TraceID() != remote.TraceID() || got.SpanID() == remote.SpanID() || got.IsSampled() || got.IsRemote() {
		t.Errorf("got %+v", got)
	}
}

// TestSpansOfOthers has a span around a call that is recorded elsewhere, and not over when the call is.
func TestSpansOfOthers(t *testing.T) {
	start(t, "")
	ctx, theirs := sdktrace.NewTracerProvider().Tracer("theirs").Start(t.Context(), "around")
	_, span := otel.GetTracerProvider().Tracer("test").Start(ctx, "call")
	if span.IsRecording() || !span.SpanContext().Equal(theirs.SpanContext()) {
		t.Errorf("got %+v, which records: %v", span.SpanContext(), span.IsRecording())
	}
	span.End()
	if !theirs.IsRecording() {
		t.Error("the span around a call ends with it")
	}
}

func TestSamplerWithoutACollector(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	tel := start(t, "")
	if _, span := otel.GetTracerProvider().Tracer("test").Start(t.Context(), "call"); !span.SpanContext().IsValid() || span.SpanContext().IsSampled() {
		t.Errorf("services that are called are told %+v", span.SpanContext())
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCallsThatSomebodyTracesAreRecorded(t *testing.T) {
	tel := start(t, "http://127.0.0.1:1")
	_, span := otel.GetTracerProvider().Tracer("test").Start(t.Context(), "call")
	if !span.IsRecording() {
		t.Error("nothing is recorded")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
