package discovery

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"example.com/depot/internal/platform/backoff"
)

// measure has the metrics of what is made from now on end up in a reader.
func measure(t *testing.T) metric.Reader {
	t.Helper()
	before := otel.GetMeterProvider()
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	return reader
}

// expectMetrics wants these values, and no other, of the service that the resolver is for.
func expectMetrics(t *testing.T, reader metric.Reader, want map[string]int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		points := m.Data.(metricdata.Gauge[int64]).DataPoints
		of, _ := points[0].Attributes.Value("service")
		value, ok := want[m.Name]
		if !ok || len(points) != 1 || of.AsString() != name || points[0].Value != value {
			t.Errorf("%s: got %+v, want %d", m.Name, points, value)
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("not measured: %v", want)
	}
}

func TestMetricsFollowTheRegistry(t *testing.T) {
	const instances, synced = "discovery.instances", "discovery.synced"
	reader := measure(t)
	f := &fakeSource{found: at("a:1", "b:1")}
	follow(t, f, inMemory(), func(t *testing.T, _ *fakeConn) {
		expectMetrics(t, reader, map[string]int64{instances: 2, synced: 1})
		f.fail()
		after(gather)
		expectMetrics(t, reader, map[string]int64{instances: 2, synced: 0})
		f.set("a:1", "b:1")
		after(backoff.Longest)
		expectMetrics(t, reader, map[string]int64{instances: 2, synced: 1})
		f.set("a:1")
		expectMetrics(t, reader, map[string]int64{instances: 1, synced: 1})
		f.set()
		after(missingGrace + lookEvery)
		expectMetrics(t, reader, map[string]int64{instances: 0, synced: 1})
	})
}

func TestMetricsOfARegistryThatIsAwayFromTheStart(t *testing.T) {
	reader, c := measure(t), inMemory()
	c.save(name, at("a:1"))
	follow(t, &fakeSource{err: errAway}, c, func(t *testing.T, _ *fakeConn) {
		expectMetrics(t, reader, map[string]int64{"discovery.instances": 1, "discovery.synced": 0})
	})
}

// TestLogOfTheLastInstance has it go, and another one come. None at the start is what calls say.
func TestLogOfTheLastInstance(t *testing.T) {
	var log bytes.Buffer
	s, err := newStatus(name, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 2, 1, 0, 0, 3, 0} {
		s.instances(n)
	}
	said := regexp.MustCompile(`level=(\w+)`).FindAllString(log.String(), -1)
	if want := []string{"level=WARN", "level=INFO", "level=WARN"}; !slices.Equal(said, want) {
		t.Errorf("got %s", &log)
	}
}
