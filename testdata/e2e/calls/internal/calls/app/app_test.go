// Package app calls as an app does: OpenTelemetry has what an app gives it, metrics, and traces that go on but are sent
// nowhere. With its exporter come compressors, which each call tells the server of.
package app

import (
	"log/slog"
	"testing"

	"github.com/acme/shop/internal/calls"
	"github.com/acme/shop/internal/platform/config"
	"github.com/acme/shop/internal/platform/telemetry"
)

func BenchmarkCalls(b *testing.B) {
	if _, err := telemetry.Start(b.Context(), config.Default(), slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	calls.Benchmark(b)
}
