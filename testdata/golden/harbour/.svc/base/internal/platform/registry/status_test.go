package registry

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"example.com/harbour/internal/platform/backoff"
)

// shown are the metrics of a registration: last is zero while it has never been listed.
type shown struct {
	registered int64
	last       float64
}

func show(t *testing.T, reader metric.Reader) shown {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	s := shown{registered: -1}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[int64]:
			if m.Name == "registry.registered" {
				s.registered = data.DataPoints[0].Value
			}
		case metricdata.Gauge[float64]:
			if m.Name == "registry.last_success.timestamp" {
				s.last = data.DataPoints[0].Value
			}
		}
	}
	return s
}

func TestMetricsFollowTheRegistration(t *testing.T) {
	before := otel.GetMeterProvider()
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	down := errors.New("down")
	f := &fakeLister{err: down}
	keep(t, f, func(t *testing.T) {
		if got := show(t, reader); got != (shown{}) {
			t.Errorf("never listed: got %+v", got)
		}
		seconds := func() float64 { return float64(time.Now().UnixMilli()) / 1000 }
		for range 2 {
			start := seconds()
			f.set(nil)
			time.Sleep(backoff.Longest)
			synctest.Wait()
			listed := show(t, reader)
			if listed.registered != 1 || listed.last < start || listed.last > seconds() {
				t.Errorf("listed between %f and %f: got %+v", start, seconds(), listed)
			}
			f.set(down)
			f.lost <- down
			synctest.Wait()
			if got := show(t, reader); got != (shown{last: listed.last}) {
				t.Errorf("lost: got %+v, want what was at %f", got, listed.last)
			}
		}
		f.set(nil)
		time.Sleep(backoff.Longest)
		synctest.Wait()
		if got := show(t, reader); got.registered != 1 {
			t.Errorf("listed again: got %+v", got)
		}
	})
	if got := show(t, reader); got.registered != 0 {
		t.Errorf("left: got %+v", got)
	}
}
