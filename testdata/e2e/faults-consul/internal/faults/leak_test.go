package faults_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"

	"example.com/harbour/internal/leftover"
	"example.com/harbour/internal/platform/discovery"
	"example.com/harbour/internal/platform/faultproxy"
)

// TestNothingLeaks counts what is left after registrations and connections have had their share of faults and ended. It
// is not parallel, because it counts what the process has open.
func TestNothingLeaks(t *testing.T) {
	a := startConsul(t)
	p := faultproxy.New(t, a.http)
	servers := []*server{serve(t), serve(t), serve(t), serve(t)}
	var before leftover.Open
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
			before = leftover.Settled(t)
			continue
		}
		leftover.ExpectNoMore(t, before)
	}
}

// TestManyChanges is scenario 25: a thousand instances, 50 changes a second. No change is lost. It logs what that costs
// this process, writing included.
func TestManyChanges(t *testing.T) {
	const n, changes = 1000, 250
	a := startConsul(t)
	put := func(i, port int) (addr string) {
		host := fmt.Sprintf("10.0.%d.%d", i/250, i%250)
		r := &api.AgentServiceRegistration{ID: strconv.Itoa(i), Name: service, Address: host, Port: port, Tags: []string{namespace}}
		if err := a.client.Agent().ServiceRegister(r); err != nil {
			t.Fatal(err)
		}
		return net.JoinHostPort(host, strconv.Itoa(port))
	}
	want := make([]string, n)
	for i := range want {
		want[i] = put(i, 1)
	}
	conn := resolve(t, discovery.Target(namespace, service), discovery.Config{Endpoints: []string{a.http}, CacheDir: "none"})
	eventually(t, patience, "all found", func(context.Context) bool { addrs, _ := conn.get(); return len(addrs) == n })

	before, start := processor(t), time.Now()
	for tick, i := time.NewTicker(20*time.Millisecond), 0; i < changes; i++ {
		<-tick.C
		if i%5 > 0 {
			want[i] = put(i, 2)
			continue
		}
		want[i] = ""
		if err := a.client.Agent().ServiceDeregister(strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%v of processor in %v", processor(t)-before, time.Since(start))
	want = slices.DeleteFunc(want, func(addr string) bool { return addr == "" })
	slices.Sort(want)
	eventually(t, patience, "up to date", func(context.Context) bool { addrs, _ := conn.get(); return slices.Equal(addrs, want) })
	_, updates := conn.get()
	t.Logf("%d updates for %d changes", updates-1, changes)
}

// processor returns the processor time of this process.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
