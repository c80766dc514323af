//go:build jump

package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/acme/shop/internal/platform/etcd"
	"github.com/acme/shop/internal/platform/faultproxy"
)

// TestClockJumps sets the clock of this process forward and back, as somebody does who corrects that of a machine: nothing
// happens. time.Jump is of a time package that internal/e2e has changed; it moves what the clock shows, and no timer.
func TestClockJumps(t *testing.T) {
	m := startEtcd(t)
	p := faultproxy.New(t, m.client)
	c := m.connect()
	i := register(t, p.Addr())
	awaitListed(t, c, patience, i)
	calls := startCaller(t, at(p.Addr()))
	entry := func(ctx context.Context) (lease, version int64) {
		response, err := c.Get(ctx, etcd.Prefix(namespace, service)+i.addr)
		if err != nil || len(response.Kvs) != 1 {
			return 0, 0
		}
		return response.Kvs[0].Lease, response.Kvs[0].ModRevision
	}
	lease, version := entry(t.Context())
	jumps := []time.Duration{time.Hour, -3 * time.Hour, 30 * 24 * time.Hour, -60 * 24 * time.Hour}
	for _, jump := range jumps {
		before := time.Now()
		time.Jump(jump)
		if moved := time.Now().Round(0).Sub(before.Round(0)) - jump; moved < 0 || moved > time.Minute {
			t.Fatalf("the clock is %v off", moved)
		}
		during(t, 2*ttl, func(ctx context.Context) {
			if nowLease, now := entry(ctx); ctx.Err() == nil && (nowLease != lease || now != version) {
				t.Fatalf("after %v: lease %x, was %x; version %d, was %d", jump, nowLease, lease, now, version)
			}
		})
	}
	awaitLeases(t, c, 1)
	for _, jump := range jumps[:2] { // while it is away: attempts are neither given up nor made at once
		p.Freeze(both)
		during(t, 2*ttl, func(context.Context) {})
		time.Jump(jump)
		during(t, 2*ttl, func(context.Context) {})
		p.Heal()
		awaitListed(t, c, 10*time.Second, i)
		awaitLeases(t, c, 1)
	}
	young := register(t, m.client)
	calls.awaitAnswer(10*time.Second, young.addr)
	calls.expectNoFailure()
}
