package faults_test

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/harbour/internal/platform/discovery"
	"example.com/harbour/internal/platform/faultproxy"
	"example.com/harbour/internal/platform/registry"
)

// TestDeadline is scenario 15: Consul can't be reached, and a call returns when its deadline says so.
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

// TestColdStart is scenario 17: a new process, Consul away, and what the last process has found on disk.
func TestColdStart(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	p, dir := faultproxy.New(t, a.http), t.TempDir()
	a.foreign(service, "1", serve(t).addr, namespace)
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

// TestIdle is scenario 16: the resolver has ended because nobody called, and Consul is away when somebody does again.
func TestIdle(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	p := faultproxy.New(t, a.http)
	a.foreign(service, "1", serve(t).addr, namespace)
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

// TestMoved is scenario 20: an entry gets another address while the client is cut off.
func TestMoved(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	p := faultproxy.New(t, a.http)
	first, second := serve(t), serve(t)
	a.foreign(service, "1", first.addr, namespace)
	calls := startCaller(t, at(p.Addr()))
	p.Cut()
	a.foreign(service, "1", second.addr, namespace)
	during(t, time.Second, func(context.Context) {})
	p.Heal()
	calls.awaitAnswer(10*time.Second, second.addr)
	calls.expectNoFailure()
}

// TestBackwards is what scenarios 18 and 19 are for etcd: Consul is restored from a backup, and its index goes backwards.
func TestBackwards(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	a.foreign(service, "1", serve(t).addr, namespace)
	backup, _, err := a.client.Snapshot().Save(nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(backup)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		a.foreign("other", "other-"+strconv.Itoa(i), "127.0.0.1:1")
	}
	a.foreign(service, "2", serve(t).addr, namespace)
	eventually(t, patience, "both listed", func(ctx context.Context) bool { return len(a.listed(ctx)) == 2 })
	calls := startCaller(t, at(a.http))
	_, before, err := a.client.Health().Service(service, namespace, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.client.Snapshot().Restore(nil, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	_, after, err := a.client.Health().Service(service, namespace, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the index went from %d to %d", before.LastIndex, after.LastIndex)
	if after.LastIndex >= before.LastIndex {
		t.Error("it did not go backwards")
	}
	young := serve(t)
	a.foreign(service, "3", young.addr, namespace)
	calls.awaitAnswer(10*time.Second, young.addr)
	calls.expectNoFailure()
}

// TestCorrupt is scenario 21: entries that nobody can call cost themselves only.
func TestCorrupt(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	a.foreign(service, "0", "127.0.0.1:0", namespace)
	a.foreign(service, "1", serve(t).addr, namespace)
	calls := startCaller(t, at(a.http))
	young := serve(t)
	a.foreign(service, "2", young.addr, namespace)
	calls.awaitAnswer(2*time.Second, young.addr)
	calls.expectNoFailure()
}

// TestVanished is scenario 22: all entries vanish while the servers live.
func TestVanished(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	for _, id := range []string{"1", "2", "3"} {
		a.foreign(service, id, serve(t).addr, namespace)
	}
	calls := startCaller(t, at(a.http))
	for _, id := range []string{"1", "2", "3"} {
		if err := a.client.Agent().ServiceDeregister(id); err != nil {
			t.Fatal(err)
		}
	}
	during(t, 20*time.Second, func(context.Context) {}) // longer than a query waits
	calls.expectNoFailure()
}

// TestLastOneDies is scenario 23: nobody is left. Calls say so at once, and work as soon as somebody comes.
func TestLastOneDies(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	i := register(t, registry.CheckGRPC, a.http)
	conn := dial(t, at(a.http))
	if _, err := call(conn, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	if err := i.deregister(); err != nil {
		t.Error(err)
	}
	i.stop()
	eventually(t, time.Second, "unavailable", func(context.Context) bool {
		_, err := call(conn, time.Second)
		return status.Code(err) == codes.Unavailable
	})
	register(t, registry.CheckGRPC, a.http)
	eventually(t, 2*time.Second, "back", func(context.Context) bool {
		_, err := call(conn, 2*time.Second)
		return err == nil
	})
}

// TestNobody is what a call is told when there has never been an instance.
func TestNobody(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	_, err := call(dial(t, at(a.http)), 5*time.Second)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "no instance") {
		t.Errorf("got %v", err)
	}
}

// TestNeighbours is scenario 24: services and namespaces whose names are alike don't see each other. Consul itself takes
// upper and lower case for one.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	neighbour := serve(t)
	a.foreign(service+"-b", "1", neighbour.addr, namespace)
	a.foreign(strings.ToUpper(service), "2", neighbour.addr, namespace)
	a.foreign(service, "3", neighbour.addr, strings.ToUpper(namespace))
	a.foreign(service, "4", neighbour.addr, namespace+"2")
	a.foreign(service, "5", neighbour.addr)
	conn := dial(t, at(a.http))
	if from, err := call(conn, 2*time.Second); err == nil {
		t.Errorf("%s answers, which is a neighbour", from)
	}
	own := serve(t)
	a.foreign(service, "6", own.addr, namespace)
	eventually(t, 2*time.Second, "called", func(context.Context) bool {
		from, err := call(conn, 2*time.Second)
		if err == nil && from != own.addr {
			t.Fatalf("%s answers, which is a neighbour", from)
		}
		return err == nil
	})
}

// TestAnotherAgent has one of two agents go away: the other is asked.
func TestAnotherAgent(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	gone := faultproxy.New(t, a.http)
	a.foreign(service, "1", serve(t).addr, namespace)
	calls := startCaller(t, at(gone.Addr(), a.http))
	gone.Freeze(both)
	young := serve(t)
	a.foreign(service, "2", young.addr, namespace)
	calls.awaitAnswer(25*time.Second, young.addr)
	calls.expectNoFailure()
}

// TestMetadata has what an instance says of itself come to those who call it.
func TestMetadata(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	register(t, registry.CheckTTL, a.http)
	awaitDescribed(t, discovery.Target(namespace, service), discovery.Config{Endpoints: []string{a.http}, CacheDir: "none"})
}
