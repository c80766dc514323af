package health

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"example.com/billing/v2/internal/platform/config"
)

var cfg = config.Health{Interval: 10 * time.Second, Timeout: time.Second, Failures: 3, Successes: 2}

func TestStates(t *testing.T) {
	const ok, bad = true, false
	tests := map[string]struct {
		results []bool
		want    []State
	}{
		"a first success is enough":    {[]bool{ok}, []State{Healthy}},
		"unhealthy until then":         {[]bool{bad, ok, ok}, []State{Unhealthy, Unhealthy, Healthy}},
		"one failure":                  {[]bool{ok, bad, ok, ok}, []State{Healthy, Suspect, Suspect, Healthy}},
		"failures with a success":      {[]bool{ok, bad, bad, ok, bad, bad}, []State{Healthy, Suspect, Suspect, Suspect, Suspect, Suspect}},
		"failures in a row":            {[]bool{ok, bad, bad, bad, bad}, []State{Healthy, Suspect, Suspect, Unhealthy, Unhealthy}},
		"back after several successes": {[]bool{ok, bad, bad, bad, ok, ok}, []State{Healthy, Suspect, Suspect, Unhealthy, Unhealthy, Healthy}},
	}
	for name, test := range tests {
		track := newTrack(cfg)
		var got []State
		for _, ok := range test.results {
			track.add(ok, cfg)
			got = append(got, track.state)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// list is one that several goroutines write to.
type list[T any] struct {
	mu   sync.Mutex
	have []T
}

func (l *list[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.have = append(l.have, v)
}

func (l *list[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.have)
}

// monitored is a monitor with a check that fails while broken is set.
func monitored(t *testing.T, tell func(bool)) (broken *atomic.Bool, healthy <-chan struct{}) {
	t.Helper()
	m, err := NewMonitor(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	broken = &atomic.Bool{}
	m.Add("database", func(context.Context) error {
		if broken.Load() {
			return errors.New("gone")
		}
		return nil
	})
	m.Add("queue", func(context.Context) error { return nil })
	return broken, m.Start(t.Context(), tell)
}

// shown returns the metric health.state of a check.
func shown(t *testing.T, reader metric.Reader, check string) State {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, point := range all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Gauge[int64]).DataPoints {
		if name, _ := point.Attributes.Value("check"); name.AsString() == check {
			return State(point.Value)
		}
	}
	t.Fatalf("%s has no metric", check)
	return 0
}

func TestMonitor(t *testing.T) {
	before := otel.GetMeterProvider()
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	synctest.Test(t, func(t *testing.T) {
		var told list[bool]
		broken, healthy := monitored(t, told.add)
		<-healthy
		for _, step := range []struct {
			broken bool
			after  time.Duration
			want   []bool
			state  State
		}{
			{false, time.Minute, []bool{true}, Healthy},
			{true, 21 * time.Second, []bool{true}, Suspect},
			{true, 10 * time.Second, []bool{true, false}, Unhealthy},
			{false, 11 * time.Second, []bool{true, false}, Unhealthy},
			{false, 10 * time.Second, []bool{true, false, true}, Healthy},
		} {
			broken.Store(step.broken)
			time.Sleep(step.after)
			synctest.Wait()
			if got := told.all(); !slices.Equal(got, step.want) {
				t.Errorf("told %v, want %v", got, step.want)
			}
			if got := shown(t, reader, "database"); got != step.state {
				t.Errorf("the metric says %v, want %v", got, step.state)
			}
		}
	})
}

func TestWithoutChecks(t *testing.T) {
	m, err := NewMonitor(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	told := false
	<-m.Start(t.Context(), func(healthy bool) { told = healthy })
	if !told {
		t.Error("it is not healthy")
	}
}

// TestFirstFailureIsLogged has a check fail from the start: once, however long that goes on.
func TestFirstFailureIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		m, err := NewMonitor(cfg, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		m.Add("database", func(context.Context) error { return errors.New("gone") })
		m.Start(t.Context(), func(bool) {})
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "check=database is=unhealthy error=gone") {
			t.Errorf("got %s", got)
		}
	})
}

// TestSlowCheck checks that a check which hangs is ended, and that one which takes long is made less often.
func TestSlowCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := NewMonitor(config.Health{Interval: time.Second, Timeout: time.Minute, Failures: 1, Successes: 1}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var begun list[time.Duration]
		start := time.Now()
		m.Add("slow", func(ctx context.Context) error {
			begun.add(time.Since(start))
			<-ctx.Done()
			return ctx.Err()
		})
		m.Start(t.Context(), func(bool) {})
		time.Sleep(21 * time.Minute)
		synctest.Wait()
		if got, want := begun.all(), []time.Duration{0, 10 * time.Minute, 20 * time.Minute}; !slices.Equal(got, want) {
			t.Errorf("checked after %v, want %v", got, want)
		}
	})
}
