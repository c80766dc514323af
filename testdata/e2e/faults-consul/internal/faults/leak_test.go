package faults_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc"

	"example.com/harbour/internal/platform/faultproxy"
)

// TestNothingLeaks counts what is left after registrations and connections have had their share of faults and ended. It
// is not parallel, because it counts goroutines.
func TestNothingLeaks(t *testing.T) {
	a := startConsul(t)
	p := faultproxy.New(t, a.http)
	servers := []*server{serve(t), serve(t), serve(t), serve(t)}
	before := 0
	for round := range 2 { // the first one is for what is there for good
		var instances []*instance
		var conns []*grpc.ClientConn
		for i, s := range servers {
			instances = append(instances, list(t, s, checks[i%2], p.Addr(), ""))
			conns = append(conns, dial(t, at(p.Addr())))
			conns[i].Connect()
		}
		a.awaitListed(t, patience, instances...)
		for _, fault := range []func(){p.Cut, func() { p.Freeze(both) }} {
			fault()
			during(t, ttl, func(context.Context) {})
			p.Heal()
			during(t, ttl/4, func(context.Context) {})
		}
		a.awaitListed(t, patience, instances...)
		for i := range instances {
			if err := instances[i].deregister(); err != nil {
				t.Error(err)
			}
			_ = conns[i].Close()
		}
		a.awaitEntries(t, time.Second, 0)
		eventually(t, patience, "no connections", func(context.Context) bool { return p.Connections() == 0 })
		if round == 0 {
			before = runtime.NumGoroutine()
			continue
		}
		eventually(t, 5*time.Second, "no goroutines more", func(context.Context) bool { return runtime.NumGoroutine() <= before+5 })
	}
}
