package faults_test

import (
	"context"
	"testing"
	"time"
)

// addresses are where all members are found.
func addresses(members []*member) (all []string) {
	for _, m := range members {
		all = append(all, m.client)
	}
	return all
}

// leader returns the member that leads, and one that follows.
func leader(t *testing.T, members []*member) (leads, follows *member) {
	t.Helper()
	eventually(t, patience, "a leader", func(ctx context.Context) bool {
		for _, m := range members {
			status, err := m.connect().Status(ctx, m.client)
			if err != nil || status.Leader == 0 {
				return false
			}
			if status.Leader == status.Header.MemberId {
				leads = m
			} else {
				follows = m
			}
		}
		return leads != nil && follows != nil
	})
	return leads, follows
}

// TestMember kills or freezes one of three members, that leads or follows. Nobody is the worse for it: the client is
// connected to any of them.
func TestMember(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		leads, frozen bool
		limit         time.Duration // for the registration to be there, and stay
	}{
		"leader killed":   {leads: true, limit: ttl + 5*time.Second},
		"follower killed": {limit: ttl + 5*time.Second},
		"leader frozen":   {leads: true, frozen: true, limit: ttl + 20*time.Second},
		"follower frozen": {frozen: true, limit: ttl + 20*time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members := startCluster(t, 3)
			m, other := leader(t, members)
			if !test.leads {
				m, other = other, m
			}
			all := addresses(members)
			instances := []*instance{register(t, all...), register(t, all...), register(t, all...)}
			c := other.connect()
			awaitListed(t, c, patience, instances...)
			calls := startCaller(t, at(all...))
			if test.frozen {
				m.freeze()
				t.Cleanup(m.thaw)
			} else {
				m.kill()
			}
			looks, missing := 0, 0
			during(t, test.limit-5*time.Second, func(ctx context.Context) {
				if got := listed(ctx, c); ctx.Err() == nil {
					looks++
					if len(got) < len(instances) {
						missing++
					}
				}
			})
			t.Logf("not all were listed in %d of %d looks", missing, looks)
			awaitListed(t, c, 5*time.Second, instances...)
			young := register(t, all...)
			calls.awaitAnswer(20*time.Second, young.addr)
			calls.expectNoFailure()
			awaitLeases(t, c, len(instances)+1)
		})
	}
}

// TestQuorumLost kills two of three members, for longer than the TTL, and starts them again.
func TestQuorumLost(t *testing.T) {
	t.Parallel()
	members := startCluster(t, 3)
	all := addresses(members)
	instances := []*instance{register(t, all...), register(t, all...)}
	c := members[0].connect()
	awaitListed(t, c, patience, instances...)
	calls := startCaller(t, at(all...))
	members[1].kill()
	members[2].kill()
	during(t, 3*ttl, func(context.Context) {})
	members[1].launch()
	members[2].launch()
	members[1].awaitUp()
	awaitListed(t, c, 10*time.Second, instances...)
	young := register(t, all...)
	calls.awaitAnswer(10*time.Second, young.addr)
	calls.expectNoFailure()
	awaitLeases(t, c, 3)
}

// TestRestored brings etcd back to where it was some time ago: what a backup does. The watch says nothing about it.
func TestRestored(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	c := m.connect()
	calls := func() *caller { // of an instance that is lost with the data
		addr := serve(t).addr
		foreign(t, c, service, "old", addr)
		return startCaller(t, at(m.client))
	}()
	for range 1000 { // a revision that the new etcd won't reach
		if _, err := c.Put(t.Context(), "other", ""); err != nil {
			t.Fatal(err)
		}
	}
	m.wipe()
	addr := serve(t).addr
	foreign(t, c, service, "new", addr)
	calls.awaitAnswer(13*time.Second, addr)
	calls.expectNoFailure()
}

// TestCost is what registrations and callers cost etcd while nothing happens.
func TestCost(t *testing.T) {
	t.Parallel()
	const n, quiet = 10, 6 * ttl
	m := startEtcd(t)
	var instances []*instance
	for range n {
		instances = append(instances, register(t, m.client))
	}
	c := m.connect()
	eventually(t, patience, "all listed", func(ctx context.Context) bool { return len(listed(ctx, c)) == n })
	startCaller(t, at(m.client))
	if watches := m.metric(watchers); watches != 1 {
		t.Errorf("got %v watches, want the caller's", watches)
	}
	count := func() map[string]float64 {
		const handled, received = "grpc_server_handled_total", "grpc_server_msg_received_total"
		return map[string]float64{
			"keepalive": m.metric(received, `"LeaseKeepAlive"`),
			"txn":       m.metric(handled, `"Txn"`),
			"range":     m.metric(handled, `"Range"`),
			"grant":     m.metric(handled, `"LeaseGrant"`),
			"put":       m.metric(handled, `"Put"`),
			"watch":     m.metric(received, `"Watch"`),
		}
	}
	before := count()
	during(t, quiet, func(context.Context) {})
	after := count()
	for what, most := range map[string]float64{
		"keepalive": n * (2.5 * 6),    // clientv3 renews a bit more than two times in so short a TTL
		"txn":       n * (1.25*6 + 1), // a bit more than one look per TTL
		"range":     4,                // the caller looks every 5 to 10 seconds
		"grant":     0, "put": 0, "watch": 0,
	} {
		got := after[what] - before[what]
		t.Logf("%s: %v in %v for %d instances (limit %v)", what, got, quiet, n, most)
		if got > most {
			t.Errorf("%s: %v in %v for %d instances, want at most %v", what, got, quiet, n, most)
		}
	}
	for _, i := range instances {
		if err := i.deregister(); err != nil {
			t.Error(err)
		}
	}
	awaitLeases(t, c, 0)
}
