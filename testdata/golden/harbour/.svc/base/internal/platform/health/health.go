// Package health checks what the app can't serve without, such as a database, and says whether the app should be called.
package health

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"example.com/harbour/internal/platform/config"
)

// share is how much of the time a check may take: one that takes long, because what it checks has much to do, is made
// less often.
const share = 10

// Monitor makes the checks of an app.
type Monitor struct {
	cfg    config.Health
	log    *slog.Logger
	states metric.Int64Gauge
	checks []check

	mu        sync.Mutex
	unhealthy int // checks
	tell      func(healthy bool)
	first     chan struct{} // closed when all checks are healthy for the first time
	once      sync.Once
}

type check struct {
	name string
	do   func(context.Context) error
}

// NewMonitor returns a monitor without checks.
func NewMonitor(cfg config.Health, log *slog.Logger) (*Monitor, error) {
	states, err := otel.Meter("example.com/harbour/internal/platform/health").Int64Gauge("health.state",
		metric.WithDescription("0 while what a check is of is healthy, 1 while it is suspect, 2 while it is unhealthy"))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &Monitor{cfg: cfg, log: log, states: states, first: make(chan struct{})}, nil
}

// Add adds a check. do returns what is wrong, and minds its context. It is called again and again, never twice at a time.
func (m *Monitor) Add(name string, do func(context.Context) error) {
	m.checks = append(m.checks, check{name, do})
}

// Start makes the checks until ctx is done. It tells each time whether the app has come to be healthy: not before all
// checks have succeeded once. The channel is closed when that is so for the first time.
func (m *Monitor) Start(ctx context.Context, tell func(healthy bool)) <-chan struct{} {
	m.tell, m.unhealthy = tell, len(m.checks)
	if len(m.checks) == 0 {
		tell(true)
		close(m.first)
	}
	for _, c := range m.checks {
		go m.follow(ctx, c)
	}
	return m.first
}

// follow makes one check again and again.
func (m *Monitor) follow(ctx context.Context, c check) {
	track := newTrack(m.cfg)
	for first := true; ctx.Err() == nil; first = false {
		begin := time.Now()
		err := m.try(ctx, c)
		if ctx.Err() != nil {
			return
		}
		if first && err != nil { // no change, as what has not been checked is not healthy
			m.log.WarnContext(ctx, "health of the app", "check", c.name, "is", track.state.String(), "error", err)
		}
		before := track.state
		track.add(err == nil, m.cfg)
		m.note(ctx, c, before, track.state, err)
		select {
		case <-ctx.Done():
		case <-time.After(max(m.cfg.Interval, (share-1)*time.Since(begin))):
		}
	}
}

func (m *Monitor) try(ctx context.Context, c check) error {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	return c.do(ctx)
}

// note shows the state of a check in metrics, and a change of it in the log and to those who ask for the app's health.
func (m *Monitor) note(ctx context.Context, c check, before, now State, err error) {
	m.states.Record(ctx, int64(now), metric.WithAttributes(attribute.String("check", c.name)))
	if before == now {
		return
	}
	level := slog.LevelInfo
	if now != Healthy {
		level = slog.LevelWarn
	}
	m.log.Log(ctx, level, "health of the app", "check", c.name, "was", before.String(), "is", now.String(), "error", err)
	switch {
	case now == Unhealthy:
		m.count(1)
	case before == Unhealthy:
		m.count(-1)
	}
}

// count takes a change in the number of unhealthy checks into account.
func (m *Monitor) count(change int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.unhealthy == 0
	m.unhealthy += change
	if is := m.unhealthy == 0; is != was {
		m.tell(is)
	}
	if m.unhealthy == 0 {
		m.once.Do(func() { close(m.first) })
	}
}
