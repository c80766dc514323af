package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/requestid"
	"example.com/quay/internal/platform/telemetry"
)

func TestLoggerAddsIDsOfTheContext(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(config.Log{Format: "json"}, &out)
	ctx := requestid.NewContext(t.Context(), "abc")
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))

	log.With("more", true).InfoContext(ctx, "hello")

	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"msg": "hello", "more": true, "request_id": "abc",
		"trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
	}
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s: got %v, want %v", key, line[key], value)
		}
	}
}

func TestLoggerLevelAndFormat(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(config.Log{Format: "text", Level: slog.LevelWarn}, &out)
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "msg=loud") {
		t.Errorf("got %q", got)
	}
}
