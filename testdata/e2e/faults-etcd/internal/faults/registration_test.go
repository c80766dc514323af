package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/acme/shop/internal/platform/etcd"
	"github.com/acme/shop/internal/platform/faultproxy"
)

// TestEmptied is scenarios 1 and 19: etcd is started again with an empty disk.
func TestEmptied(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	old := register(t, m.client)
	c := m.connect()
	awaitListed(t, c, patience, old)
	calls := startCaller(t, at(m.client))
	m.wipe()
	awaitListed(t, c, ttl+2*time.Second, old)
	young := register(t, m.client)
	calls.awaitAnswer(13*time.Second, young.addr)
	calls.expectNoFailure()
	awaitLeases(t, c, 2)
}

// TestOutage is scenario 2: etcd is out of reach for 12 times the TTL, in each of the ways.
func TestOutage(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		fault func(p *faultproxy.Proxy)
		limit time.Duration
	}{
		"refused":   {(*faultproxy.Proxy).Cut, 10 * time.Second},
		"partition": {func(p *faultproxy.Proxy) { p.Freeze(both) }, 10 * time.Second},
		"deaf":      {func(p *faultproxy.Proxy) { p.Freeze(faultproxy.ToServer) }, 10 * time.Second},
		"mute":      {func(p *faultproxy.Proxy) { p.Freeze(faultproxy.ToClient) }, 10 * time.Second},
	}
	m := startEtcd(t)
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &member{t: t, client: m.client} // a service each would do as well, but so do etcds
			if name != "refused" {
				m = startEtcd(t)
			}
			p := faultproxy.New(t, m.client)
			c := m.connect()
			instances := []*instance{register(t, p.Addr()), register(t, p.Addr()), register(t, p.Addr())}
			awaitListed(t, c, patience, instances...)
			calls := startCaller(t, at(p.Addr()))
			way.fault(p)
			during(t, 12*ttl, func(context.Context) {})
			if got := listed(t.Context(), c); len(got) != 0 {
				t.Errorf("meanwhile: got %v", got)
			}
			p.Heal()
			awaitListed(t, c, way.limit, instances...)
			awaitLeases(t, c, len(instances))
			young := register(t, p.Addr())
			calls.awaitAnswer(10*time.Second, young.addr)
			calls.expectNoFailure()
		})
	}
}

// TestLostConnections is scenario 3: a router forgets the connections that there are. New ones work.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	p := faultproxy.New(t, m.client)
	c := m.connect()
	i := register(t, p.Addr())
	awaitListed(t, c, patience, i)
	calls := startCaller(t, at(p.Addr()))
	p.Lose()
	eventually(t, ttl+3*time.Second, "expired", func(ctx context.Context) bool { return len(listed(ctx, c)) == 0 })
	awaitListed(t, c, ttl+20*time.Second, i)
	calls.awaitAnswer(ttl+20*time.Second, register(t, m.client).addr)
	calls.expectNoFailure()
	awaitLeases(t, c, 2)
}

// TestCompaction is scenarios 4 and 18: etcd forgets its history while it is out of reach, for less than the TTL.
func TestCompaction(t *testing.T) {
	t.Parallel()
	const ttl = 10 * time.Second // for what is done meanwhile to take less, on any machine
	m := startEtcd(t)
	p := faultproxy.New(t, m.client)
	c := m.connect()
	i := list(t, serve(t), at(p.Addr()), ttl)
	awaitListed(t, c, patience, i)
	calls := startCaller(t, at(p.Addr()))
	p.Cut()
	var revision int64
	for n := range 10 {
		put, err := c.Put(t.Context(), "other", fmt.Sprint(n))
		if err != nil {
			t.Fatal(err)
		}
		revision = put.Header.Revision
	}
	young := register(t, m.client)
	awaitListed(t, c, patience, i, young)
	if _, err := c.Compact(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	p.Heal()
	calls.awaitAnswer(10*time.Second, young.addr)
	calls.expectNoFailure()
	during(t, ttl, func(ctx context.Context) {
		if got := listed(ctx, c); ctx.Err() == nil && len(got) > 2 {
			t.Fatalf("got %v", got)
		}
	})
	awaitListed(t, c, ttl+2*time.Second, i, young)
	for _, each := range []*instance{i, young} {
		if err := each.deregister(); err != nil {
			t.Error(err)
		}
	}
	if got := listed(t.Context(), c); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	awaitLeases(t, c, 0)
}

// TestHarmedByHand is scenario 5, and more that operators do: each way is put right within T+2.
func TestHarmedByHand(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	c := m.connect()
	i := register(t, m.client)
	key := etcd.Prefix(namespace, service) + i.addr
	right := func(ctx context.Context) (*clientv3.GetResponse, bool) {
		got, err := c.Get(ctx, key)
		return got, err == nil && len(got.Kvs) == 1 && got.Kvs[0].Lease != 0 && strings.Contains(string(got.Kvs[0].Value), i.addr) &&
			!strings.Contains(string(got.Kvs[0].Value), "changed")
	}
	eventually(t, patience, "listed", func(ctx context.Context) bool { _, ok := right(ctx); return ok })
	harms := map[string]func() error{
		"key deleted":   func() error { _, err := c.Delete(t.Context(), key); return err },
		"value changed": func() error { _, err := c.Put(t.Context(), key, "x", clientv3.WithIgnoreLease()); return err },
		"metadata changed": func() error {
			got, _ := right(t.Context())
			value := strings.Replace(string(got.Kvs[0].Value), `"Metadata":{`, `"Metadata":{"zone":"changed",`, 1)
			_, err := c.Put(t.Context(), key, value, clientv3.WithIgnoreLease())
			return err
		},
		"lease taken": func() error { _, err := c.Put(t.Context(), key, `{"Addr":"127.0.0.1:1"}`); return err },
		"lease revoked": func() error {
			got, _ := right(t.Context())
			_, err := c.Revoke(t.Context(), clientv3.LeaseID(got.Kvs[0].Lease))
			return err
		},
	}
	for name, harm := range harms {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		eventually(t, ttl+2*time.Second, name, func(ctx context.Context) bool { _, ok := right(ctx); return ok })
	}
	awaitLeases(t, c, 1)
}

// TestStop is scenarios 6 and 7: the key goes at once, or stays away when etcd can't be told.
func TestStop(t *testing.T) {
	m := startEtcd(t)
	c := m.connect()
	const limit = 200 * time.Millisecond
	took := time.Hour
	for tries := 0; took > limit && tries < 3; tries++ { // the machine may have other things to do
		i := register(t, m.client)
		awaitListed(t, c, patience, i)
		start := time.Now()
		if err := i.deregister(); err != nil {
			t.Error(err)
		}
		took = min(took, time.Since(start))
		if got := listed(t.Context(), c); len(got) > 0 {
			t.Errorf("left %v", got)
		}
	}
	if t.Logf("stopped after %v", took); took > limit {
		t.Errorf("stopped after %v", took)
	}
	t.Parallel() // only now, for the same reason
	freeze := func(d faultproxy.Direction) func(*faultproxy.Proxy) {
		return func(p *faultproxy.Proxy) { p.Freeze(d) }
	}
	tests := []struct {
		name  string
		fault func(*faultproxy.Proxy)
		long  bool // until the lease is gone
	}{
		{"refused", (*faultproxy.Proxy).Cut, false}, {"refused for long", (*faultproxy.Proxy).Cut, true},
		{"partition", freeze(both), false}, {"partition for long", freeze(both), true},
		{"deaf", freeze(faultproxy.ToServer), false}, {"mute", freeze(faultproxy.ToClient), false},
	}
	for _, test := range tests {
		p := faultproxy.New(t, m.client)
		i := register(t, p.Addr())
		awaitListed(t, c, patience, i)
		test.fault(p)
		if test.long {
			eventually(t, 3*ttl, "expired", func(ctx context.Context) bool { return len(listed(ctx, c)) == 0 })
		}
		start := time.Now()
		_ = i.deregister() // in vain
		took := time.Since(start)
		if t.Logf("%s: stopped after %v", test.name, took); took > 2*time.Second {
			t.Errorf("%s: stopped after %v", test.name, took)
		}
		p.Heal()
		eventually(t, ttl+2*time.Second, "gone", func(ctx context.Context) bool { return len(listed(ctx, c)) == 0 })
		during(t, ttl, func(ctx context.Context) {
			if got := listed(ctx, c); ctx.Err() == nil && len(got) > 0 {
				t.Fatalf("%s: it comes back: %v", test.name, got)
			}
		})
	}
	awaitLeases(t, c, 0)
}

// TestFleet is scenario 10: 500 instances lose etcd together. They come back over at least 2s. It comes before the tests
// that run in parallel, because so many of one process keep the machine busy. Its rate is that of whole seconds: in shorter
// times one sees when the machine lets them run. A fleet that comes back within 2s is over the limit either way.
func TestFleet(t *testing.T) {
	const n, fleetTTL, window = 500, 10 * time.Second, time.Second
	m := startEtcd(t)
	c := m.connect()
	for i := range n {
		list(t, &server{addr: fmt.Sprintf("127.1.%d.%d:1", i/250, i%250)}, at(m.client), fleetTTL)
	}
	all := func(ctx context.Context) bool { return len(listed(ctx, c)) == n }
	eventually(t, patience, "all listed", all)
	m.wipe()
	var counts []int // by window
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), fleetTTL+5*time.Second)
	defer cancel()
	var first, last time.Duration
	seen := 0
	watch := c.Watch(ctx, etcd.Prefix(namespace, service), clientv3.WithPrefix(), clientv3.WithRev(1))
	for seen < n {
		response, ok := <-watch
		if !ok {
			t.Fatalf("only %d of %d are back", seen, n)
		}
		now := time.Since(start)
		for range response.Events {
			if seen++; seen == 1 {
				first = now
			}
			last = now
			for len(counts) <= int(now/window) {
				counts = append(counts, 0)
			}
			counts[now/window]++
		}
	}
	slices.Sort(counts)
	p95 := float64(counts[len(counts)*95/100]) / window.Seconds()
	t.Logf("%d back between %v and %v, p95 rate %.0f/s", n, first, last, p95)
	if last-first < 2*time.Second || p95 > 250 {
		t.Errorf("%d back between %v and %v, p95 rate %.0f/s", n, first, last, p95)
	}
}

// TestTwoAtOneAddress is scenario 13. They don't take the entry from each other.
func TestTwoAtOneAddress(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	c := m.connect()
	s := serve(t)
	changes := c.Watch(t.Context(), etcd.Prefix(namespace, service), clientv3.WithPrefix())
	one := list(t, s, at(m.client), ttl)
	awaitListed(t, c, patience, one)
	two := list(t, s, at(m.client), ttl)
	puts := 0
	settled := time.After(6 * ttl)
	for ended := false; !ended; {
		select {
		case response := <-changes:
			puts += len(response.Events)
		case <-settled:
			ended = true
		}
	}
	if puts != 2 {
		t.Errorf("the entry was changed %d times in %v, want one for each", puts, 6*ttl)
	}
	if !strings.Contains(one.log.String(), "another instance") {
		t.Errorf("the first does not say why: %s", one.log)
	}
	if err := two.deregister(); err != nil {
		t.Error(err)
	}
	awaitListed(t, c, ttl+5*time.Second, one)
}

// TestSlow has a network that takes its time. Nothing is lost, and nothing flaps.
func TestSlow(t *testing.T) {
	t.Parallel()
	const ttl = 5 * time.Second
	m := startEtcd(t)
	p := faultproxy.New(t, m.client)
	p.Delay(200 * time.Millisecond)
	c := m.connect()
	i := list(t, serve(t), at(p.Addr()), ttl)
	awaitListed(t, c, patience, i)
	calls := startCaller(t, at(p.Addr()))
	during(t, 3*ttl, func(ctx context.Context) {
		if got := listed(ctx, c); ctx.Err() == nil && len(got) != 1 {
			t.Fatalf("got %v", got)
		}
	})
	calls.expectNoFailure()
	if n := strings.Count(i.log.String(), "\n"); n != 1 {
		t.Errorf("got %d lines of log", n)
	}
}
