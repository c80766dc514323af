package telemetry_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/telemetry"
)

func TestStartServesMetricsAndMakesTraces(t *testing.T) {
	cfg := config.Default()
	cfg.App = config.App{Name: "shop", Version: "v1.2.3"}
	tel, err := telemetry.Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	counter, err := otel.Meter("test").Int64Counter("things")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 2)
	_, span := otel.Tracer("test").Start(t.Context(), "work")
	if !span.SpanContext().IsValid() {
		t.Error("got no trace id")
	}
	span.End()

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
