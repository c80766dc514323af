package registry

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// status shows in the metrics whether the app is registered. It has no say in liveness or readiness: an app that can't
// be found by new callers still serves those that it has.
type status struct {
	listed metric.Int64Gauge
	last   metric.Float64Gauge
}

func newStatus() (*status, error) {
	meter := otel.Meter("example.com/jetty/internal/platform/registry")
	listed, err := meter.Int64Gauge("registry.registered",
		metric.WithDescription("1 while the registry lists this app, 0 while it does not"))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	last, err := meter.Float64Gauge("registry.last_success.timestamp", metric.WithUnit("s"),
		metric.WithDescription("when the registry was last known to list this app"))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	s := &status{listed: listed, last: last}
	s.unregistered()
	return s, nil
}

func (s *status) registered() {
	s.listed.Record(context.Background(), 1)
	s.last.Record(context.Background(), float64(time.Now().UnixMilli())/1000)
}

func (s *status) unregistered() { s.listed.Record(context.Background(), 0) }
