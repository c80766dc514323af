package discovery

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/keepalive"
)

// TestFaultsOfDNS has a DNS server, pods that come and go, and connections that end.
func TestFaultsOfDNS(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"by itself": testByItself, "connection age": testConnectionAge, "replaced": testReplaced, "away": testDNSAway,
		"half": testHalf, "many": testMany, "steady": testSteady, "gRPC's own": testOwn,
		"no pods": testNoPods, "deadline": testDNSDeadline, "cold start": testDNSColdStart, "idle": testDNSIdle,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// looking finds services by the server, as pods do that ask the cluster's.
func (s *dnsServer) looking() *Builder { return s.remembering(noCache) }

// remembering does so, too, and keeps what it has found in a folder.
func (s *dnsServer) remembering(folder string) *Builder {
	return newBuilder(Config{CacheDir: folder}, func() (Source, error) { return newDNSSource(s.resolver(), domain, places(nil)), nil })
}

// aged has connections end after that time.
func aged(age time.Duration) grpc.ServerOption {
	return grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: age, MaxConnectionAgeGrace: time.Second})
}

// testByItself has a pod come while no connection ends.
func testByItself(t *testing.T) {
	p, s := newPods(t), startDNS(t, "10.0.0.1")
	p.run("10.0.0.1")
	p.run("10.0.0.2")
	calls := startCaller(t, p.dial(Target("prod", service), grpc.WithResolvers(s.looking())))
	s.set("10.0.0.1", "10.0.0.2")
	calls.awaitAnswer(lookUpEvery+5*time.Second, "10.0.0.2")
	calls.expectNoFailure()
}

// testConnectionAge has a pod come, and the connections to the other one end from time to time, as the server's
// MaxConnectionAge has it: it is found long before its name would be looked up anyway.
func testConnectionAge(t *testing.T) {
	p, s := newPods(t), startDNS(t, "10.0.0.1")
	p.run("10.0.0.1", aged(time.Second))
	p.run("10.0.0.2")
	calls := startCaller(t, p.dial(Target("prod", service), grpc.WithResolvers(s.looking())))
	s.set("10.0.0.1", "10.0.0.2")
	calls.awaitAnswer(3*time.Second, "10.0.0.2")
	calls.expectNoFailure()
}

// testReplaced has the only pod end, and another one be there instead.
func testReplaced(t *testing.T) {
	p, s := newPods(t), startDNS(t, "10.0.0.1")
	stop := p.run("10.0.0.1")
	p.run("10.0.0.2")
	calls := startCaller(t, p.dial(Target("prod", service), grpc.WithResolvers(s.looking())))
	during(t, 2*time.Second) // so that nothing was looked up just now
	s.set("10.0.0.2")
	stop()
	calls.awaitAnswer(2*time.Second, "10.0.0.2")
}

// testDNSAway has DNS not answer, in each way, while connections end.
func testDNSAway(t *testing.T) {
	for name, fault := range map[string]func(*dnsServer){
		"mute":                 func(s *dnsServer) { s.mute = true },
		"failing":              func(s *dnsServer) { s.code = dnsmessage.RCodeServerFailure },
		"refusing":             func(s *dnsServer) { s.code = dnsmessage.RCodeRefused },
		"the name is unknown":  func(s *dnsServer) { s.code = dnsmessage.RCodeNameError },
		"the name has no pods": func(s *dnsServer) { s.pods = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, s := newPods(t), startDNS(t, "10.0.0.1")
			p.run("10.0.0.1", aged(3*time.Second))
			p.run("10.0.0.2")
			calls := startCaller(t, p.dial(Target("prod", service), grpc.WithResolvers(s.looking())))
			s.change(func() { fault(s) })
			during(t, 20*time.Second)
			s.set("10.0.0.1", "10.0.0.2")
			calls.awaitAnswer(lookUpEvery+5*time.Second, "10.0.0.2")
			calls.expectNoFailure()
		})
	}
}

// testDNSDeadline is scenario 15: nothing is known, and a call returns when its deadline says so.
func testDNSDeadline(t *testing.T) {
	p, s := newPods(t), startDNS(t)
	s.change(func() { s.mute = true })
	took := time.Hour
	for tries := 0; took > 350*time.Millisecond && tries < 3; tries++ { // the machine may have other things to do
		conn := p.dial(Target("prod", service), grpc.WithResolvers(s.looking()))
		start := time.Now()
		_, err := call(conn, 300*time.Millisecond)
		if took = min(took, time.Since(start)); err == nil {
			t.Error("it is answered")
		}
	}
	if t.Logf("called for %v", took); took > 350*time.Millisecond {
		t.Errorf("called for %v", took)
	}
}

// testDNSColdStart is scenario 17: a new process, DNS away, and what the last process has found on disk.
func testDNSColdStart(t *testing.T) {
	p, s, folder := newPods(t), startDNS(t, "10.0.0.1"), t.TempDir()
	p.run("10.0.0.1")
	before := p.dial(Target("prod", service), grpc.WithResolvers(s.remembering(folder)))
	if _, err := call(before, enough, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]func(){
		"mute": func() { s.mute = true }, "failing": func() { s.mute, s.code = false, dnsmessage.RCodeServerFailure },
	} {
		s.change(fault)
		start := time.Now()
		if _, err := call(p.dial(Target("prod", service), grpc.WithResolvers(s.remembering(folder))), atOnce); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		t.Logf("%s: called after %v", name, time.Since(start))
	}
}

// testDNSIdle is scenario 16: the resolver has ended because nobody called, and DNS is away when somebody does again.
func testDNSIdle(t *testing.T) {
	p, s := newPods(t), startDNS(t, "10.0.0.1")
	p.run("10.0.0.1")
	conn := p.dial(Target("prod", service), grpc.WithResolvers(s.looking()), grpc.WithIdleTimeout(time.Second))
	if _, err := call(conn, enough, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	eventually(t, enough, "idle", func(context.Context) bool { return conn.GetState() == connectivity.Idle })
	s.change(func() { s.mute = true })
	start := time.Now()
	if _, err := call(conn, atOnce); err != nil {
		t.Errorf("got %v", err)
	}
	t.Logf("called after %v", time.Since(start))
}

// testHalf has DNS fail for one family of addresses: nothing is gone then, unless the other one is all that is used.
func testHalf(t *testing.T) {
	s := startDNS(t)
	source := newDNSSource(s.resolver(), domain, places(nil))
	ask := func(failing dnsmessage.Type, pods ...string) ([]Instance, error) {
		s.set(pods...)
		s.change(func() { s.code, s.of = dnsmessage.RCodeServerFailure, failing })
		return source.ask(t.Context(), place{names: []string{"a-headless"}, namespace: "prod", port: "9090"})
	}
	for range 100 { // the order of answers is up to the network
		if found, err := ask(dnsmessage.TypeA, "10.0.0.1"); err == nil {
			t.Fatalf("IPv4 failed: got %v and no error", found)
		}
	}
	if found, err := ask(dnsmessage.TypeAAAA); err == nil {
		t.Errorf("there is no IPv4, and IPv6 failed: got %v and no error", found)
	}
	if found, err := ask(dnsmessage.TypeAAAA, "10.0.0.1"); err != nil || len(found) != 1 {
		t.Errorf("IPv6 failed, which is not used: got %v, %v", found, err)
	}
}

// testNoPods has a service at two Services, one of which has no pods: the cluster has no name for it then. The pods of the
// other one are replaced.
func testNoPods(t *testing.T) {
	p, s := newPods(t), startDNS(t, "10.0.0.1")
	stop := p.run("10.0.0.1")
	p.run("10.0.0.2")
	find := places(map[string]place{service: {names: []string{"a-headless", "a-canary-headless"}, port: "9090"}})
	b := newBuilder(Config{CacheDir: noCache}, func() (Source, error) { return newDNSSource(s.resolver(), domain, find), nil })
	calls := startCaller(t, p.dial(Target("prod", service), grpc.WithResolvers(b)))
	s.set("10.0.0.1", "10.0.0.2")
	calls.awaitAnswer(lookUpEvery+5*time.Second, "10.0.0.2")
	s.set("10.0.0.2")
	during(t, lookUpEvery)
	stop()
	during(t, time.Second)
	calls.expectNoFailure()
}

// testMany has more pods than go into a message by UDP.
func testMany(t *testing.T) {
	var pods []string
	for i := range 300 {
		pods = append(pods, fmt.Sprintf("10.0.%d.%d", i/100, i%100))
	}
	s := startDNS(t, pods...)
	source := newDNSSource(s.resolver(), domain, places(nil))
	found, err := source.ask(t.Context(), place{names: []string{"a-headless"}, namespace: "prod", port: "9090"})
	if err != nil || len(found) != 300 || s.byTCP == 0 {
		t.Errorf("got %d, %v, %d by TCP", len(found), err, s.byTCP)
	}
}

// testSteady counts lookups while nothing happens.
func testSteady(t *testing.T) {
	p, s := newPods(t), startDNS(t, "10.0.0.1")
	p.run("10.0.0.1")
	startCaller(t, p.dial(Target("prod", service), grpc.WithResolvers(s.looking())))
	during(t, 30*time.Second)
	t.Logf("%d lookups in 30 s", s.lookups())
	if n := s.lookups(); n < 4 || n > 7 {
		t.Errorf("%d lookups", n)
	}
}

// testOwn has gRPC's own resolver, as clients of another make have it: they get to know a pod when a connection ends, though
// not within 30 s of the last lookup. That is what MaxConnectionAge is good for.
func testOwn(t *testing.T) {
	p, s := newPods(t), startDNS(t, "10.0.0.1")
	p.run("10.0.0.1", aged(2*time.Second))
	p.run("10.0.0.2")
	calls := startCaller(t, p.dial("dns://"+s.addr+"/a-headless.prod.svc.cluster.local:9090"))
	s.set("10.0.0.1", "10.0.0.2")
	calls.awaitAnswer(35*time.Second, "10.0.0.2")
	calls.expectNoFailure()
}
