// Package backoff spaces attempts to reach a registry.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Longest is the delay that a Backoff grows to.
const Longest = 5 * time.Second

const first = 200 * time.Millisecond

// Backoff spaces attempts that go on for ever: each delay is twice the one before, up to Longest. The zero value is
// ready.
type Backoff struct {
	last time.Duration
}

// Wait returns after the next delay or when ctx is done.
func (b *Backoff) Wait(ctx context.Context) {
	b.last = min(max(2*b.last, first), Longest)
	Wait(ctx, Jitter(b.last))
}

// Reset makes the next delay the shortest again.
func (b *Backoff) Reset() { b.last = 0 }

// Jitter returns between a half and the whole of d, so that instances that lost a registry together don't come back
// together.
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
