package outgoing

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/sony/gobreaker/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// breakerReport shows the states of breakers in a metric, and their changes in the log.
type breakerReport struct {
	service string
	state   metric.Int64Gauge
}

func newBreakerReport(service string) (*breakerReport, error) {
	state, err := otel.Meter("example.com/quay/internal/platform/outgoing").Int64Gauge("client.breaker.state",
		metric.WithDescription("0 while calls of a method are let through, 1 while a few are to see how it is, 2 while none are"))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &breakerReport{service: service, state: state}, nil
}

func (r *breakerReport) begin(method string) { r.record(method, gobreaker.StateClosed) }

func (r *breakerReport) change(method string, from, to gobreaker.State) {
	r.record(method, to)
	level := slog.LevelInfo
	if to == gobreaker.StateOpen {
		level = slog.LevelWarn
	}
	slog.Log(context.Background(), level, "circuit breaker changed",
		"service", r.service, "method", method, "from", from.String(), "to", to.String())
}

func (r *breakerReport) record(method string, state gobreaker.State) {
	r.state.Record(context.Background(), int64(state),
		metric.WithAttributes(attribute.String("service", r.service), attribute.String("method", method)))
}
