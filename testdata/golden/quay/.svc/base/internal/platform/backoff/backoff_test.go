package backoff_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"example.com/quay/internal/platform/backoff"
)

func TestBackoffGrowsToItsLimitAndResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b backoff.Backoff
		check := func(most time.Duration) {
			t.Helper()
			start := time.Now()
			b.Wait(t.Context())
			if waited := time.Since(start); waited < most/2 || waited > most {
				t.Errorf("waited %v, want between %v and %v", waited, most/2, most)
			}
		}
		for _, most := range []time.Duration{200, 400, 800, 1600, 3200, 5000, 5000} {
			check(most * time.Millisecond)
		}
		b.Reset()
		check(200 * time.Millisecond)
	})
}

func TestBackoffEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		var b backoff.Backoff
		b.Wait(ctx)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}
