package telemetry_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"example.com/jetty/internal/platform/config"
	"example.com/jetty/internal/platform/telemetry"
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
