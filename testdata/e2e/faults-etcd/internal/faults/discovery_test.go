package faults_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/acme/shop/internal/platform/etcd"
	"github.com/acme/shop/internal/platform/faultproxy"
)

// foreign lists an address like a program that knows nothing of this project: with etcd's own package, and without a
// lease.
func foreign(t *testing.T, c *clientv3.Client, service, id, addr string) (key string) {
	t.Helper()
	target := namespace + "/" + service
	manager, err := endpoints.NewManager(c, target)
	if err != nil {
		t.Fatal(err)
	}
	key = target + "/" + id
	if err := manager.AddEndpoint(t.Context(), key, endpoints.Endpoint{Addr: addr, Metadata: 7}); err != nil {
		t.Fatal(err)
	}
	return key
}

// TestDeadline is scenario 15: etcd can't be reached, and a call returns when its deadline says so.
func TestDeadline(t *testing.T) {
	t.Parallel()
	const nobody = "127.0.0.1:1"
	cut, silent := faultproxy.New(t, nobody), faultproxy.New(t, nobody)
	cut.Cut()
	silent.Freeze(both)
	for name, addr := range map[string]string{"refused": nobody, "cut off": cut.Addr(), "partition": silent.Addr()} {
		took := time.Hour
		for tries := 0; took > 350*time.Millisecond && tries < 3; tries++ { // the machine may have other things to do
			conn := dial(t, at(addr))
			start := time.Now()
			_, err := call(conn, 300*time.Millisecond)
			if took = min(took, time.Since(start)); err == nil {
				t.Errorf("%s: it is answered", name)
			}
		}
		t.Logf("%s: called for %v", name, took)
		if took > 350*time.Millisecond {
			t.Errorf("%s: called for %v", name, took)
		}
	}
	if silent.Connections() == 0 {
		t.Error("nobody has connected to the one that is silent")
	}
}

// TestIdle is scenario 16: the resolver has ended because nobody called, and etcd is away when somebody does again.
func TestIdle(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	p := faultproxy.New(t, m.client)
	addr := serve(t).addr
	foreign(t, m.connect(), service, "1", addr)
	conn := dial(t, at(p.Addr()), grpc.WithIdleTimeout(time.Second))
	if _, err := call(conn, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "idle", func(context.Context) bool { return p.Connections() == 0 })
	p.Freeze(both)
	start := time.Now()
	if _, err := call(conn, atOnce); err != nil {
		t.Errorf("got %v", err)
	}
	t.Logf("called after %v", time.Since(start))
}

// TestColdStart is scenario 17: a new process, etcd away, and what the last process has found on disk.
func TestColdStart(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	p, dir := faultproxy.New(t, m.client), t.TempDir()
	addr := serve(t).addr
	foreign(t, m.connect(), service, "1", addr)
	cfg := at(p.Addr())
	cfg.CacheDir = dir
	before := dial(t, cfg)
	if _, err := call(before, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]func(){"refused": p.Cut, "partition": func() { p.Freeze(both) }} {
		p.Heal()
		fault()
		start := time.Now()
		if _, err := call(dial(t, cfg), atOnce); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		t.Logf("%s: called after %v", name, time.Since(start))
	}
}

// TestMoved is scenario 20: a key gets another address while the client is cut off.
func TestMoved(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	p, c := faultproxy.New(t, m.client), m.connect()
	first := serve(t).addr
	second := serve(t).addr
	foreign(t, c, service, "1", first)
	calls := startCaller(t, at(p.Addr()))
	p.Cut()
	foreign(t, c, service, "1", second)
	during(t, time.Second, func(context.Context) {})
	p.Heal()
	calls.awaitAnswer(10*time.Second, second)
	calls.expectNoFailure()
}

// TestCorrupt is scenario 21: keys that can't be read cost themselves only.
func TestCorrupt(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	c := m.connect()
	addr := serve(t).addr
	foreign(t, c, service, "1", addr)
	put := func(id, value string) {
		if _, err := c.Put(t.Context(), etcd.Prefix(namespace, service)+id, value); err != nil {
			t.Fatal(err)
		}
	}
	put("0", "not JSON")
	calls := startCaller(t, at(m.client))
	put("2", `{"Addr":7}`)
	put("3", ``)
	put("4", `{"Addr":"`)
	young := serve(t).addr
	foreign(t, c, service, "5", young)
	calls.awaitAnswer(5*time.Second, young)
	calls.expectNoFailure()
}

// TestVanished is scenario 22: all keys vanish while the servers live.
func TestVanished(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	c := m.connect()
	for i := range 3 {
		addr := serve(t).addr
		foreign(t, c, service, fmt.Sprint(i), addr)
	}
	calls := startCaller(t, at(m.client))
	if _, err := c.Delete(t.Context(), namespace, clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	during(t, 12*time.Second, func(context.Context) {}) // longer than the resolver takes to look for itself
	calls.expectNoFailure()
}

// TestLastOneDies is scenario 23: nobody is left. Calls say so at once, and work as soon as somebody comes.
func TestLastOneDies(t *testing.T) {
	t.Parallel()
	deaths := map[string]func(*instance) error{
		"stops": func(i *instance) error {
			err := i.deregister()
			i.stop()
			return err
		},
		"crashes": func(i *instance) error { // and stays listed
			i.stop()
			return nil
		},
	}
	for name, die := range deaths {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startEtcd(t)
			i := register(t, m.client)
			conn := dial(t, at(m.client))
			if _, err := call(conn, patience, grpc.WaitForReady(true)); err != nil {
				t.Fatal(err)
			}
			if err := die(i); err != nil {
				t.Error(err)
			}
			eventually(t, time.Second, "unavailable", func(context.Context) bool {
				_, err := call(conn, time.Second)
				return status.Code(err) == codes.Unavailable
			})
			register(t, m.client)
			eventually(t, 2*time.Second, "back", func(context.Context) bool {
				_, err := call(conn, 2*time.Second)
				return err == nil
			})
		})
	}
}

// TestNobody is what a call is told when there has never been an instance.
func TestNobody(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	_, err := call(dial(t, at(m.client)), 5*time.Second)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "the registry has no instance") {
		t.Errorf("got %v", err)
	}
}

// TestNeighbours is scenario 24: services and namespaces whose names begin alike don't see each other.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	c := m.connect()
	addr := serve(t).addr
	for _, neighbour := range []string{service + "-b", service + "/b.v1.B", service + "2"} {
		foreign(t, c, neighbour, "1", addr)
	}
	for _, environment := range []string{"prod", namespace + "2", namespace + "-prod", namespace[:len(namespace)-1]} {
		if _, err := c.Put(t.Context(), etcd.Prefix(environment, service)+"1", etcd.Entry{Addr: addr}.Encode()); err != nil {
			t.Fatal(err)
		}
	}
	conn := dial(t, at(m.client))
	if from, err := call(conn, 2*time.Second); err == nil {
		t.Errorf("%s answers, which is a neighbour", from)
	}
	own := serve(t).addr
	foreign(t, c, service, "1", own)
	eventually(t, 2*time.Second, "called", func(context.Context) bool {
		from, err := call(conn, 2*time.Second)
		if err == nil && from != own {
			t.Fatalf("%s answers, which is a neighbour", from)
		}
		return err == nil
	})
}
