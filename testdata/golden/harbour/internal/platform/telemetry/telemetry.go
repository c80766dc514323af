// Package telemetry makes the app observable: logs, traces and metrics.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"example.com/harbour/internal/platform/config"
)

// Telemetry records traces and metrics until it is shut down.
type Telemetry struct {
	registry *prometheus.Registry
	traces   trace.TracerProvider
	metrics  *metric.MeterProvider
}

// Start makes traces and metrics of the whole process go through the returned Telemetry, by setting OpenTelemetry's
// process-wide providers, which is where instrumented libraries look for them.
//
// Metrics are served to Prometheus. Traces are sent over OTLP/gRPC when OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set; without, they still give log lines their trace ids and are passed on to
// the services that are called, with what OTEL_TRACES_SAMPLER has decided. A collector that is down costs spans, not calls.
func Start(ctx context.Context, cfg config.Config, log *slog.Logger) (*Telemetry, error) {
	identity, err := identify(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	traces, err := newTracerProvider(ctx, identity)
	if err != nil {
		return nil, fmt.Errorf("telemetry: traces: %w", err)
	}
	registry, metrics, err := newMeterProvider(identity)
	if err != nil {
		return nil, fmt.Errorf("telemetry: metrics: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("telemetry failed", "error", err) }))
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	otel.SetTracerProvider(traces)
	otel.SetMeterProvider(metrics)
	return &Telemetry{registry: registry, traces: traces, metrics: metrics}, nil
}

// Handler serves the metrics in Prometheus' formats.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry})
}

// Shutdown sends what has not been sent yet.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	err := t.metrics.Shutdown(ctx)
	if traces, ok := t.traces.(*sdktrace.TracerProvider); ok {
		err = errors.Join(traces.Shutdown(ctx), err)
	}
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	return nil
}

// identify says who sends the telemetry. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES add to and win over the
// configuration.
func identify(ctx context.Context, cfg config.Config) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithAttributes(
			attribute.String("service.name", cfg.App.Name),
			attribute.String("service.version", cfg.App.Version),
			attribute.String("deployment.environment.name", cfg.Environment),
		),
		resource.WithFromEnv(),
	)
}

func newTracerProvider(ctx context.Context, identity *resource.Resource) (trace.TracerProvider, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		if os.Getenv("OTEL_TRACES_SAMPLER") == "" {
			return untraced{}, nil
		}
		return sdktrace.NewTracerProvider(), nil // its sampler counts for the services that are called
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(sdktrace.WithResource(identity), sdktrace.WithBatcher(exporter)), nil
}

func newMeterProvider(identity *resource.Resource) (*prometheus.Registry, *metric.MeterProvider, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, nil, err
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithResource(identity),
		metric.WithExemplarFilter(exemplar.AlwaysOffFilter)) // Prometheus' own format, which Handler serves, has none
	return registry, provider, nil
}
