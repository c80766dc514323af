package discovery

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// status shows in metrics and log what is known about a service. It logs changes, not attempts.
type status struct {
	log    *slog.Logger
	isAway bool
	had    bool // instances
	isGone bool // the last of them

	of     metric.MeasurementOption
	count  metric.Int64Gauge
	synced metric.Int64Gauge
}

func newStatus(service string, log *slog.Logger) (*status, error) {
	meter := otel.Meter("example.com/billing/v2/internal/platform/discovery")
	count, err := meter.Int64Gauge("discovery.instances",
		metric.WithDescription("known instances of a service that is called"))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	synced, err := meter.Int64Gauge("discovery.synced",
		metric.WithDescription("1 while the registry answers, 0 while instances are those that were known last"))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &status{
		log: log.With("service", service), count: count, synced: synced,
		of: metric.WithAttributes(attribute.String("service", service)),
	}, nil
}

func (s *status) instances(n int) {
	s.count.Record(context.Background(), int64(n), s.of)
	switch {
	case n == 0 && s.had:
		s.log.Warn("no instance is left; calls fail until there is one")
		s.isGone = true
	case n > 0 && s.isGone:
		s.log.Info("there are instances again", "instances", n)
		s.isGone = false
	}
	s.had = n > 0
}

func (s *status) away(err error, known int) {
	s.synced.Record(context.Background(), 0, s.of)
	if !s.isAway {
		s.log.Warn("the registry can't be used; going on with the instances known last, and trying again", "instances", known, "error", err)
	}
	s.isAway = true
}

func (s *status) back() {
	s.synced.Record(context.Background(), 1, s.of)
	if s.isAway {
		s.log.Info("the registry can be used again")
	}
	s.isAway = false
}

func (s *status) missing(instances int) {
	s.log.Warn("the registry has suddenly forgotten instances; keeping them for a while", "instances", instances, "for", missingGrace.String())
}
