package faults_test

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/jetty/internal/leftover"
	"example.com/jetty/internal/platform/discovery"
	"example.com/jetty/pkg/client"
)

// TestProcessDies has processes that find each other. One is killed, and is started again.
func TestProcessDies(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	addr := free(t)
	a, b := n.start(t, addr), n.start(t, free(t))
	n.awaitHeard(t, 10*time.Second, greeter, a.addr, b.addr)

	known := resolve(t, discovery.Target(n.namespace, greeter), discovery.Config{Endpoints: []string{n.loopback}, CacheDir: "none", Interval: interval})
	knows := func(addrs ...string) func(context.Context) bool {
		return func(context.Context) bool { got, _ := known.get(); return slices.Equal(got, addrs) }
	}
	conn, err := client.Dial(n.client(), greeter, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answers := func(addrs ...string) func(context.Context) bool {
		return func(context.Context) bool {
			var from []string
			for range 4 {
				if by, err := call(conn, time.Second); err == nil {
					from = append(from, by)
				}
			}
			slices.Sort(from)
			return len(from) == 4 && slices.Equal(slices.Compact(from), addrs)
		}
	}
	both := []string{a.addr, b.addr}
	slices.Sort(both)
	eventually(t, interval+time.Second, "both are called", answers(both...))
	eventually(t, interval+time.Second, "both are known", knows(both...))

	a.end(t, syscall.SIGKILL)
	eventually(t, 5*time.Second, "only the other is called", answers(b.addr))
	eventually(t, ttl+interval+time.Second, "it is forgotten", knows(b.addr))
	n.start(t, addr)
	eventually(t, 5*time.Second, "it is found again", knows(both...))
	eventually(t, 5*time.Second, "both are called again", answers(both...))
}

// TestProcessFrozen has a process that is stopped for three times its TTL, and goes on. Calls to another one do so all the
// time; and those to the one that is stopped do once it is known to be away, which others call then. It has no more open
// afterwards.
func TestProcessFrozen(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	a, b := n.start(t, free(t)), n.start(t, free(t))
	n.awaitHeard(t, 10*time.Second, greeter, a.addr, b.addr)
	calls := startCallerOf(t, greeter, n.client(), 2*time.Second) // less than it is known to be away
	calls.awaitAnswer(10*time.Second, a.addr)
	calls.awaitAnswer(10*time.Second, b.addr)
	open := a.open(t)
	a.signal(t, syscall.SIGSTOP)
	frozen := time.Now()
	n.awaitHeard(t, 5*time.Second, greeter, b.addr)
	during(t, 3*ttl, func(context.Context) {})
	a.signal(t, syscall.SIGCONT)
	// What it was asked meanwhile it answers now, once; and from then on what it is asked.
	n.awaitHeard(t, 5*time.Second, greeter, a.addr, b.addr)
	calls.awaitAnswer(10*time.Second, a.addr)
	calls.expectOnly(func(f failure) bool {
		return f.addr == a.addr && f.ended.After(frozen) && f.began.Before(frozen.Add(ttl+interval+time.Second))
	})
	a.expectNoMore(t, open)
	if took := a.end(t, syscall.SIGTERM); took > 2*time.Second || a.ProcessState.ExitCode() != 0 {
		t.Errorf("it ended after %v with %d", took, a.ProcessState.ExitCode())
	}
	if left := n.heard(t.Context(), t, greeter); !slices.Equal(left, []string{b.addr}) {
		t.Errorf("left: %v", left)
	}
}

// TestInstancesComeAndGo has one instance after the other leave while there is another: no call notices.
func TestInstancesComeAndGo(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	old := n.register(t)
	calls := startCaller(t, n.client())
	for range 3 {
		young := n.register(t)
		calls.awaitAnswer(interval+2*time.Second, young.addr)
		begin := time.Now()
		if err := old.deregister(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it leaves after %v", took)
		}
		n.awaitHeard(t, 5*time.Second, service, young.addr)
		during(t, ttl+6*interval, func(context.Context) {}) // in which it is forgotten; it serves still
		old.stop()
		old = young
	}
	calls.expectNoFailure()
}

// TestNamespacesAreApart has services that others must not find.
func TestNamespacesAreApart(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.awaitHeard(t, 5*time.Second, service)
	n.register(t)
	eventually(t, 5*time.Second, "heard", func(ctx context.Context) bool { return len(n.heard(ctx, t, service)) == 1 })
	for name, cfg := range map[string]network{
		"another namespace": {n.loopback, n.namespace + "-b"}, "the beginning of it": {n.loopback, n.namespace[:8]},
	} {
		_, err := call(dial(t, cfg.client()), 5*time.Second)
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, other := range []string{service + "-b", "a.v1"} {
		conn, err := client.Dial(n.client(), other, config)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := call(conn, 5*time.Second); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: got %v", other, err)
		}
	}
}

// TestManyInstances has each of them there once, and called.
func TestManyInstances(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	var addrs []string
	for range 20 {
		addrs = append(addrs, n.register(t).addr)
	}
	n.awaitHeard(t, 10*time.Second, service, addrs...)
	calls := startCaller(t, n.client())
	for _, addr := range addrs {
		calls.awaitAnswer(interval+5*time.Second, addr)
	}
	calls.expectNoFailure()
}

// TestNothingLeaks counts what is left after registrations and connections have ended. It is not parallel, because it
// counts what the process has open.
func TestNothingLeaks(t *testing.T) {
	n := newNetwork(t)
	servers := []*server{serve(t), serve(t), serve(t)}
	var before leftover.Open
	for round := range 3 { // the first one is for what is there for good
		var instances []*instance
		var conns []*grpc.ClientConn
		for _, s := range servers {
			instances = append(instances, n.list(t, s))
			conns = append(conns, dial(t, n.client()))
		}
		for i, conn := range conns {
			if _, err := call(conn, patience, grpc.WaitForReady(true)); err != nil {
				t.Fatal(err)
			}
			if err := instances[i].deregister(); err != nil {
				t.Error(err)
			}
			_ = conn.Close()
		}
		if round == 0 {
			before = leftover.Settled(t)
			continue
		}
		leftover.ExpectNoMore(t, before)
	}
}

// TestMetadata has what an instance says of itself come to those who call it.
func TestMetadata(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.register(t)
	awaitDescribed(t, discovery.Target(n.namespace, service), discovery.Config{Endpoints: []string{n.loopback}, CacheDir: "none", Interval: interval})
}
