//go:build jump

package faults_test

import (
	"context"
	"testing"
	"time"

	"example.com/harbour/internal/platform/faultproxy"
)

// TestClockJumps sets the clock of this process forward and back, as somebody does who corrects that of a machine: nothing
// happens. time.Jump is of a time package that internal/e2e has changed; it moves what the clock shows, and no timer.
func TestClockJumps(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a := startConsul(t)
		p := faultproxy.New(t, a.http)
		i := register(t, check, p.Addr())
		a.awaitListed(t, patience, i)
		calls := startCaller(t, at(p.Addr()))
		jumps := []time.Duration{time.Hour, -3 * time.Hour, 30 * 24 * time.Hour, -60 * 24 * time.Hour}
		for _, jump := range jumps {
			time.Jump(jump)
			a.expectListed(t, 2*ttl, 1)
		}
		for _, jump := range jumps[:2] { // while it is away: attempts are neither given up nor made at once
			p.Freeze(both)
			during(t, 2*ttl, func(context.Context) {})
			time.Jump(jump)
			during(t, 2*ttl, func(context.Context) {})
			p.Heal()
			a.awaitListed(t, 10*time.Second, i)
			a.awaitEntries(t, time.Second, 1)
		}
		young := register(t, check, a.http)
		calls.awaitAnswer(20*time.Second, young.addr)
		calls.expectNoFailure()
	})
}
