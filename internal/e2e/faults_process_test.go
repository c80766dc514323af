package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"
)

// faultTTL is the TTL of apps whose registration is tried hard.
const faultTTL = 2 * time.Second

// testProcesses does to a whole app what can't be done to a part of it. The scenarios are the research's.
func testProcesses(t *testing.T, bin string) {
	tests := map[string]func(*testing.T){}
	for name, test := range map[string]func(*testing.T, string){
		"frozen": testFrozen, "boot": testBoot, "serves before it is listed": testServesFirst,
		"end while starting": testEndWhileStarting, "second signal": testSecondSignal, "advertises": testAdvertises,
		"password": testPassword, "restarts": testRestarts, "connection age": testConnectionAge, "in flight": testInFlight,
	} {
		tests[name] = func(t *testing.T) { test(t, bin) }
	}
	together(t, tests)
}

// startFinance starts an app with two services that registers at an etcd.
func startFinance(t *testing.T, bin, etcd string, args ...string) *process {
	t.Helper()
	return startRegistered(t, bin, "finance", etcd, args...)
}

// startRegistered starts any app that registers at an etcd.
func startRegistered(t *testing.T, bin, app, etcd string, args ...string) *process {
	t.Helper()
	prefix := strings.ToUpper(app)
	env := append(countable(prefix), prefix+"_REGISTRY_ENDPOINTS="+etcd, prefix+"_REGISTRY_TTL="+faultTTL.String())
	return start(t, bin, app, env, append(args, "--set", "registry.namespace="+namespace)...)
}

// registry is where apps register.
func (s *shop) registry() string { return strings.Join(s.etcd.Endpoints(), ",") }

// soon waits until something holds, and logs how long that took. It fails the test after the limit.
func soon(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	begin := time.Now()
	for tick := time.NewTicker(20 * time.Millisecond); !holds(); <-tick.C {
		if time.Since(begin) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
	t.Logf("%s: after %v (limit %v)", what, time.Since(begin).Round(time.Millisecond), limit)
}

// testFrozen is scenario 12: the process is stopped for three times its TTL, and goes on. It has what it is sent in the
// meantime wait, and nobody can know before it is off the list; whoever else is called answers all the time.
func testFrozen(t *testing.T, bin string) {
	s := &shop{etcd: startEtcd(t)}
	p, twin := startFinance(t, bin, s.registry()), startFinance(t, bin, s.registry())
	other := startRegistered(t, bin, "ordering", s.registry())
	s.awaitListed(t, 6)
	before := s.listed(t)
	addr, _ := p.serving(t)
	twinAddr, _ := twin.serving(t)
	otherAddr, _ := other.serving(t)
	calls := startCaller(t, bin, s.registry(), namespace, "shop.finance.v1.Payment", addr, twinAddr)
	others := startCaller(t, bin, s.registry(), namespace, "shop.cart.v1.Cart", otherAddr)
	open := p.usage(t)
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	frozen := time.Now()
	soon(t, faultTTL+2*time.Second, "off the list", func() bool { return len(s.listed(t)) == 4 })
	known := time.Now().Add(2 * time.Second) // to all clients
	<-time.After(2 * faultTTL)               // a time that is the fault itself
	answered := calls.called(addr)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	soon(t, 5*time.Second, "listed", func() bool { return len(s.listed(t)) == 6 })
	if after := s.listed(t); !reflect.DeepEqual(before, after) {
		t.Errorf("before %v, after %v", before, after)
	}
	soon(t, faultTTL+3*time.Second, "one lease each", func() bool { return leases(t, s.etcd) == 3 })
	calls.awaitAgain(t, addr, answered)
	p.expectNoMore(t, open)
	calls.expectNoFailure(t, func(call lost) bool {
		return call.addr == addr && call.ended.After(frozen) && call.began.Before(known)
	})
	others.expectNoFailure(t, none)
	if code := p.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// testRestarts has a service be stopped, or crash, and start again, in a loop. Others find it once, whenever they look;
// and what its past leaves in etcd does not pile up: nothing after a stop, and after a crash a lease that expires. There is
// another instance, and no call fails but those that are under way to one that crashes.
func testRestarts(t *testing.T, bin string) {
	for end, name := range map[syscall.Signal]string{syscall.SIGTERM: "stops", syscall.SIGKILL: "crashes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, addr := &shop{etcd: startEtcd(t)}, freeAddr(t)
			twin := startFinance(t, bin, s.registry())
			s.awaitListed(t, 2)
			twinAddr, _ := twin.serving(t)
			calls := startCaller(t, bin, s.registry(), namespace, "shop.finance.v1.Payment", twinAddr)
			open := twin.usage(t)
			begin, most := time.Now(), 0
			var crashes []time.Time
			look := func(want int) {
				t.Helper()
				unexpired := slices.DeleteFunc(slices.Clone(crashes), func(c time.Time) bool { return time.Since(c) > faultTTL+2*time.Second })
				if all, left := len(s.listed(t))-2, leases(t, s.etcd)-1; all != want || left > len(unexpired)+want/2 { // the other's apart
					t.Errorf("%d entries, want %d; %d leases after %d crashes of late", all, want, left, len(unexpired))
				} else {
					most = max(most, left)
				}
			}
			for round := range 12 {
				before := calls.called(addr)
				p := startFinance(t, bin, s.registry(), "--set", "server.grpc.addr="+addr)
				p.log.await(t, line{"msg": "registered"})
				look(2)          // it has two services
				if round%3 > 0 { // else it may end before it is connected to
					calls.awaitAgain(t, addr, before)
				}
				asked := time.Now()
				if err := p.cmd.Process.Signal(end); err != nil {
					t.Fatal(err)
				}
				<-p.done
				if end == syscall.SIGKILL {
					crashes = append(crashes, asked)
					look(2)                    // until they expire
					<-time.After(faultTTL / 4) // whoever starts it again takes a while
				} else {
					look(0)
				}
			}
			t.Logf("12 times in %v, at most %d leases", time.Since(begin).Round(time.Millisecond), most)
			s.awaitListed(t, 2)
			soon(t, faultTTL+2*time.Second, "no lease", func() bool { return leases(t, s.etcd) == 1 })
			twin.expectNoMore(t, open)
			calls.expectNoFailure(t, func(call lost) bool { return call.addr == addr && call.during(crashes) })
		})
	}
}

func leases(t *testing.T, etcd *clientv3.Client) int {
	t.Helper()
	answer, err := etcd.Leases(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Leases)
}

// testBoot is scenario 9: there is no etcd when the app starts. It serves, says so, and registers when there is one.
func testBoot(t *testing.T, bin string) {
	addr := freeAddr(t)
	p := startFinance(t, bin, addr)
	rpc, admin := p.serving(t)
	if got := dial(t, rpc).health(t, ""); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health is %v", got)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := get(t, admin, path); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	p.log.await(t, line{"level": "WARN", "msg": "not registered, serving nevertheless, and trying again"})
	expectRegistered(t, admin, 0)
	s := &shop{etcd: startEtcdAt(t, addr)}
	soon(t, 10*time.Second, "listed", func() bool { return len(s.listed(t)) == 2 })
	p.log.await(t, line{"level": "INFO", "msg": "registered"})
	soon(t, time.Second, "metric", func() bool { _, metrics := get(t, admin, "/metrics"); return hasRegistered(metrics, 1) })
	if warned := p.log.count(line{"level": "WARN"}); warned != 1 {
		t.Errorf("it warns %d times of one outage", warned)
	}
	if code := p.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func expectRegistered(t *testing.T, admin string, want int) {
	t.Helper()
	if _, metrics := get(t, admin, "/metrics"); !hasRegistered(metrics, want) {
		t.Errorf("registry_registered is not %d:\n%s", want, metrics)
	}
}

func hasRegistered(metrics string, want int) bool {
	for l := range strings.Lines(metrics) {
		if strings.HasPrefix(l, "registry_registered") {
			return strings.HasSuffix(strings.TrimSpace(l), fmt.Sprintf(" %d", want))
		}
	}
	return false
}

// count returns how many lines have these values.
func (l *lines) count(want line) int { return len(l.where(want)) }

// where returns the lines that have these values.
func (l *lines) where(want line) (some []line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, got := range l.all {
		if got.has(want) {
			some = append(some, got)
		}
	}
	return some
}

// testServesFirst is scenario 8: who sees the entry can call. Each of a few starts is called as soon as it is listed.
func testServesFirst(t *testing.T, bin string) {
	s := &shop{etcd: startEtcd(t)}
	changes := s.etcd.Watch(within(t), namespace+"/", clientv3.WithPrefix())
	for range 5 {
		p := startFinance(t, bin, s.registry())
		event := (<-changes).Events[0]
		key := string(event.Kv.Key)
		addr := key[strings.LastIndex(key, "/")+1:]
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		conn := dial(t, addr)
		answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: "shop.finance.v1.Payment"})
		if cancel(); err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("it is listed, but %v, %v", answer.GetStatus(), err)
		}
		if code := p.terminate(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if event := (<-changes).Events[0]; event.Type != clientv3.EventTypeDelete {
			t.Fatalf("got %v, want that the entry goes", event)
		}
	}
}

// testAdvertises is scenario 14: what is listed can be dialled, whatever is listened on.
func testAdvertises(t *testing.T, bin string) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0", ":0"} {
		if listener, err := net.Listen("tcp", addr); err != nil {
			t.Logf("%s: this machine can't: %v", addr, err)
			continue
		} else {
			listener.Close()
		}
		s := &shop{etcd: startEtcd(t)}
		p := startFinance(t, bin, s.registry(), "--set", "server.grpc.addr="+addr)
		s.awaitListed(t, 2)
		for key, entry := range s.listed(t) {
			t.Logf("%s: %s", addr, key)
			if got := dial(t, "passthrough:///"+entry.Addr).health(t, ""); got != healthpb.HealthCheckResponse_SERVING {
				t.Errorf("%s: health at %s is %v", addr, entry.Addr, got)
			}
		}
		if code := p.terminate(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// cpu returns how much processor time the app has used, by its own account.
func cpu(t *testing.T, p *process) time.Duration {
	t.Helper()
	_, admin := p.serving(t)
	_, metrics := get(t, admin, "/metrics")
	return time.Duration(metric(t, metrics, "process_cpu_seconds_total") * float64(time.Second))
}

// Ports are given one after the other, from a first one on, lest one be given twice before somebody listens on it.
var (
	firstPort = rand.Int64N(18000)
	given     atomic.Int64
)

// freeAddr returns an address that nobody listens on. It is below those that the system gives to connections, of which there
// are many: an app that is started anew has the address that it had before.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12000+(firstPort+given.Add(1))%18000)
		if listener, err := net.Listen("tcp", addr); err == nil {
			_ = listener.Close()
			return addr
		}
	}
	t.Fatal("no address is free")
	return ""
}

// begun counts connections.
type begun struct{ atomic.Int64 }

// HandleConn implements stats.Handler.
func (b *begun) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		b.Add(1)
	}
}

// The rest of stats.Handler.
func (*begun) HandleRPC(context.Context, stats.RPCStats)                         {}
func (*begun) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*begun) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }

// testConnectionAge has an app end its connections from time to time, which is how clients that ask DNS find new ones.
func testConnectionAge(t *testing.T, bin string) {
	p := startFinance(t, bin, freeAddr(t), "--set", "server.grpc.max_connection_age=1s")
	addr, _ := p.serving(t)
	var connections begun
	client := dial(t, addr, grpc.WithStatsHandler(&connections))
	soon(t, 20*time.Second, "connected for the third time", func() bool {
		client.health(t, "")
		return connections.Load() == 3
	})
}
