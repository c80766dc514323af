package etcd

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstDelay = 200 * time.Millisecond
	lastDelay  = 5 * time.Second
)

// Backoff spaces attempts that go on for ever: each delay is twice the one before, up to 5s. The zero value is ready.
type Backoff struct {
	last time.Duration
}

// Wait returns after the next delay or when ctx is done.
func (b *Backoff) Wait(ctx context.Context) {
	b.last = min(max(2*b.last, firstDelay), lastDelay)
	Wait(ctx, Jitter(b.last))
}

// Reset makes the next delay the shortest again.
func (b *Backoff) Reset() { b.last = 0 }

// Jitter returns between a half and the whole of d, so that instances that lost etcd together don't come back together.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// Wait returns after d or when ctx is done.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
