package faults_test

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/acme/shop/internal/leftover"
	"github.com/acme/shop/internal/platform/discovery"
	"github.com/acme/shop/internal/platform/etcd"
	"github.com/acme/shop/internal/platform/faultproxy"
)

// TestNothingLeaks counts what is left after registrations and connections have had their share of faults and ended. It
// is not parallel, because it counts what the process has open.
func TestNothingLeaks(t *testing.T) {
	m := startEtcd(t)
	p := faultproxy.New(t, m.client)
	c := m.connect()
	var before leftover.Open
	for round := range 2 { // the first one is for what is there for good
		var instances []*instance
		var conns []*grpc.ClientConn
		for i := range 10 {
			instances = append(instances, list(t, &server{addr: fmt.Sprintf("127.0.0.1:%d", i+1)}, at(p.Addr()), ttl))
			conns = append(conns, dial(t, at(p.Addr())))
			conns[i].Connect()
		}
		eventually(t, patience, "all listed", func(ctx context.Context) bool { return len(listed(ctx, c)) == len(instances) })
		eventually(t, patience, "all watch", func(context.Context) bool {
			return m.metric(watchers) == float64(len(conns))
		})
		for _, fault := range []func(){p.Cut, func() { p.Freeze(both) }} {
			fault()
			during(t, ttl, func(context.Context) {})
			p.Heal()
			during(t, ttl/4, func(context.Context) {})
		}
		for i := range instances {
			_ = instances[i].deregister() // etcd may not be back for it
			_ = conns[i].Close()
		}
		awaitLeases(t, c, 0)
		eventually(t, patience, "no watches", func(context.Context) bool { return m.metric(watchers) == 0 })
		eventually(t, patience, "no connections", func(context.Context) bool { return p.Connections() == 0 })
		if round == 0 {
			before = leftover.Settled(t)
			continue
		}
		leftover.ExpectNoMore(t, before)
	}
}

// TestManyChanges is scenario 25: a thousand instances, 50 changes a second. No change is lost. It logs what that costs
// this process, writing included; in the end it is quiet.
func TestManyChanges(t *testing.T) {
	const n, changes = 1000, 250
	m := startEtcd(t)
	c := m.connect()
	addr := func(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/250, i%250) }
	put := func(i int, addr string) {
		key, value := etcd.Prefix(namespace, service)+fmt.Sprint(i), etcd.Entry{Addr: addr}.Encode()
		if _, err := c.Put(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	want := make([]string, n)
	for i := range n {
		want[i] = addr(i)
		put(i, want[i])
	}
	conn := resolve(t, discovery.Target(namespace, service), discovery.Config{Endpoints: []string{m.client}, CacheDir: "none"})
	eventually(t, patience, "all found", func(context.Context) bool { addrs, _ := conn.get(); return len(addrs) == n })

	before, start := processor(t), time.Now()
	for tick, i := time.NewTicker(20*time.Millisecond), 0; i < changes; i++ {
		<-tick.C
		if i%5 == 0 {
			if _, err := c.Delete(t.Context(), etcd.Prefix(namespace, service)+fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			want[i] = ""
			continue
		}
		want[i] = addr(n + i)
		put(i, want[i])
	}
	t.Logf("%v of processor in %v", processor(t)-before, time.Since(start))
	want = slices.DeleteFunc(want, func(addr string) bool { return addr == "" })
	slices.Sort(want)
	eventually(t, patience, "up to date", func(context.Context) bool { addrs, _ := conn.get(); return slices.Equal(addrs, want) })
	_, updates := conn.get()
	t.Logf("%d updates for %d changes", updates-1, changes)
	if _, err := c.Delete(t.Context(), etcd.Prefix(namespace, service), clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
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
