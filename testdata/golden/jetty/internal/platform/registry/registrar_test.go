package registry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"example.com/jetty/internal/platform/backoff"
)

// fakeLister lists while it is up.
type fakeLister struct {
	lost   chan error // ends what it lists
	listed atomic.Bool
	calls  atomic.Int64
	closed bool

	mu  sync.Mutex
	err error // why it can't list
}

func (f *fakeLister) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeLister) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fakeLister) List(ctx context.Context, _ Instance, listed func()) error {
	f.calls.Add(1)
	if err := f.get(); err != nil {
		return err
	}
	f.listed.Store(true)
	defer f.listed.Store(false)
	listed()
	listed()
	select {
	case err := <-f.lost:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeLister) Close() error {
	f.closed = true
	return nil
}

// keep runs a registration with f in a bubble of fake time, and returns its log.
func keep(t *testing.T, f *fakeLister, test func(t *testing.T)) string {
	t.Helper()
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f.lost = make(chan error)
		r, err := NewRegistrar(f, 10*time.Second, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		r.Register(Instance{Addr: "10.0.0.1:9090"})
		synctest.Wait()
		test(t)
		if err := r.Deregister(t.Context()); err != nil || f.listed.Load() || !f.closed {
			t.Errorf("left with %v, still listed: %v, closed: %v", err, f.listed.Load(), f.closed)
		}
	})
	return log.String()
}

func TestRegistrarListsAgain(t *testing.T) {
	f := &fakeLister{}
	log := keep(t, f, func(t *testing.T) {
		if !f.listed.Load() {
			t.Error("not listed at once")
		}
		for range 3 {
			f.lost <- errors.New("lost")
			time.Sleep(maxSpread)
			synctest.Wait()
			if !f.listed.Load() {
				t.Error("not listed again")
			}
		}
	})
	if registered, lost := strings.Count(log, "msg=registered"), strings.Count(log, "error=lost"); registered != 4 || lost != 3 {
		t.Errorf("told %d times of being registered, %d times of having been lost:\n%s", registered, lost, log)
	}
}

func TestRegistrarNeverGivesUp(t *testing.T) {
	f := &fakeLister{err: errors.New("down")}
	log := keep(t, f, func(t *testing.T) {
		time.Sleep(time.Hour)
		synctest.Wait()
		if least, most := int64(time.Hour/backoff.Longest), int64(2*time.Hour/backoff.Longest)+10; f.calls.Load() < least || f.calls.Load() > most {
			t.Errorf("%d attempts, want %d to %d", f.calls.Load(), least, most)
		}
		f.set(ErrTaken)
		time.Sleep(time.Hour)
		synctest.Wait()
		f.set(nil)
		time.Sleep(backoff.Longest)
		synctest.Wait()
		if !f.listed.Load() {
			t.Error("not listed")
		}
	})
	if n := strings.Count(log, "level=WARN"); n != 2 {
		t.Errorf("%d warnings, want one that it is down, and one that it is taken:\n%s", n, log)
	}
}

func TestRegistrarThatIsNotUsedLeaves(t *testing.T) {
	f := &fakeLister{}
	r, err := NewRegistrar(f, 10*time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Deregister(t.Context()); err != nil || !f.closed {
		t.Errorf("got %v, closed: %v", err, f.closed)
	}
}

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
