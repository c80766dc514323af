// The tests of this file do to a real API server of Kubernetes, and to the network to it, what happens to them in a year,
// and look at what the emitted discovery makes of it. Each logs how long recovery took.
package discovery

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	discoveryv1 "k8s.io/api/discovery/v1"

	"example.com/quay/internal/leftover"
	"example.com/quay/internal/platform/faultproxy"
)

// TestFaultsOfSlices has all that needs an API server, because one takes its time to start.
func TestFaultsOfSlices(t *testing.T) {
	a := startAPI(t)
	t.Run("leaks", func(t *testing.T) { testLeaks(t, a) }) // counts what the process has open, and so is alone
	t.Run("cost", func(t *testing.T) { testCost(t, a) })
	t.Run("together", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *apiserver){
			"come and go": testComeAndGo, "three slices": testThreeSlices, "readiness": testReadiness, "zones": testZones,
			"namespaces": testNamespaces, "network": testNetwork, "forgotten": testForgotten, "emptied": testEmptied,
			"forbidden": testForbidden, "token": testToken, "deadline": testDeadline, "cold start": testColdStart,
			"idle": testIdle, "versions": testVersions,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, a)
			})
		}
	})
	a.expectWatches(t, false)
	t.Run("server", func(t *testing.T) { testServer(t, a) })
	t.Run("too old", func(t *testing.T) { testTooOld(t, a) }) // for one that was started anew: it remembers nothing from before
	a.expectWatches(t, false)
}

// testComeAndGo adds a pod, and takes one away.
func testComeAndGo(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "come-and-go")
	stop := w.run("10.0.0.1")
	w.run("10.0.0.2")
	w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", "")))
	calls := startCaller(t, w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(Config{}, nil))))
	w.run("10.0.0.3")
	w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", ""), pod("10.0.0.3", "")))
	calls.awaitAnswer(soon, "10.0.0.3")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "", ending), pod("10.0.0.2", ""), pod("10.0.0.3", "")))
	stop()
	w.put(slice("a-1", 9090, pod("10.0.0.2", ""), pod("10.0.0.3", "")))
	calls.awaitAnswer(soon, "10.0.0.2")
	calls.expectNoFailure()
}

// many returns a slice of 100 pods.
func many(i int, port int32) *discoveryv1.EndpointSlice {
	var all []discoveryv1.Endpoint
	for j := range 100 {
		all = append(all, pod(fmt.Sprintf("10.%d.0.%d", i, j+1), ""))
	}
	return slice("a-"+strconv.Itoa(i), port, all...)
}

// testThreeSlices is scenario 26: 300 pods.
func testThreeSlices(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "three-slices")
	for i := range 3 {
		w.put(many(i, 9090))
	}
	conn := w.look(w.builder(Config{}, nil), w.namespace, service)
	awaitCount(t, enough, conn, 300)
	w.put(many(3, 9090))
	awaitCount(t, soon, conn, 400)
	moved := many(3, 9090) // has now also those of another
	moved.Endpoints = append(moved.Endpoints, many(2, 9090).Endpoints...)
	w.put(moved)
	a.do(t, http.MethodDelete, placeOf(w.namespace)+"/a-1", nil)
	awaitCount(t, soon, conn, 300)
	a.do(t, http.MethodDelete, placeOf(w.namespace)+"/a-2", nil)
	w.put(many(0, 81))
	awaitCount(t, soon, conn, 200)
}

// testReadiness has pods that don't take calls, and such as are about to end.
func testReadiness(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "readiness")
	w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", "", unready), pod("10.0.0.3", "", ending)))
	conn := w.look(w.builder(Config{}, nil), w.namespace, service)
	awaitAddrs(t, enough, conn, "10.0.0.1:9090")
	w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", ""), pod("10.0.0.3", "", ending)))
	awaitAddrs(t, soon, conn, "10.0.0.1:9090", "10.0.0.2:9090")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "", unready), pod("10.0.0.2", "", unready), pod("10.0.0.3", "", ending)))
	awaitAddrs(t, soon, conn, "10.0.0.3:9090")
}

// testZones has hints, which come and go.
func testZones(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "zones")
	hinted := slice("a-1", 9090, pod("10.0.0.1", "a", forZone("a")), pod("10.0.0.2", "b", forZone("b")))
	w.put(hinted)
	inA := w.look(w.builder(Config{Zone: "a"}, nil), w.namespace, service)
	nowhere := w.look(w.builder(Config{}, nil), w.namespace, service)
	awaitAddrs(t, enough, inA, "10.0.0.1:9090")
	awaitAddrs(t, enough, nowhere, "10.0.0.1:9090", "10.0.0.2:9090")
	if zone := MetadataOf(inA.get().state.Endpoints[0])["zone"]; zone != "a" {
		t.Errorf("got zone %q", zone)
	}
	w.put(slice("a-1", 9090, pod("10.0.0.1", "a"), pod("10.0.0.2", "b")))
	awaitAddrs(t, soon, inA, "10.0.0.1:9090", "10.0.0.2:9090")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "a", forZone("a"), unready), pod("10.0.0.2", "b", forZone("b"))))
	awaitAddrs(t, soon, inA, "10.0.0.2:9090")
}

// testVersions has a service at two Services, which tell what their pods are: the second is a canary that comes, is another
// version one day, and goes.
func testVersions(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "versions")
	of := func(version, weight string, s *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
		s.Labels = map[string]string{
			"app.kubernetes.io/name": "a", "app.kubernetes.io/version": version, "environment": "prod", "weight": weight,
		}
		return s
	}
	put := func(service string, s *discoveryv1.EndpointSlice) { a.put(t, w.namespace, service, s) }
	put(headlessOf, of("1", "3", slice("a-1", 9090, pod("10.0.0.1", "x"))))
	put("b-headless", of("9", "9", slice("b-1", 9090, pod("10.0.0.9", "x"))))
	conn := w.look(w.builder(Config{Endpoints: []string{service + "=" + headlessOf, service + "=a-canary-headless"}}, nil), w.namespace, service)
	expect := func(limit time.Duration, want ...Instance) {
		t.Helper()
		eventually(t, limit, fmt.Sprint(want), func(context.Context) bool {
			var got []Instance
			for _, endpoint := range conn.get().state.Endpoints {
				got = append(got, Instance{endpoint.Addresses[0].Addr, MetadataOf(endpoint)})
			}
			return equal(got, want)
		})
	}
	stable := Instance{"10.0.0.1:9090", Metadata{"app": "a", "version": "1", "environment": "prod", "zone": "x", "weight": "3"}}
	canary := Instance{"10.0.0.2:9090", Metadata{"app": "a", "version": "2", "environment": "prod", "zone": "y", "weight": "1"}}
	next := Instance{canary.Addr, maps.Clone(canary.Metadata)}
	next.Metadata["version"] = "3"
	expect(enough, stable)
	put("a-canary-headless", of("2", "1", slice("a-canary-1", 9090, pod("10.0.0.2", "y"))))
	expect(soon, stable, canary)
	put("a-canary-headless", of("3", "1", slice("a-canary-1", 9090, pod("10.0.0.2", "y"))))
	expect(soon, stable, next)
	a.do(t, http.MethodDelete, placeOf(w.namespace)+"/a-canary-1", nil)
	expect(soon, stable)
}

// testNamespaces has services of one name, and of nearly one.
func testNamespaces(t *testing.T, a *apiserver) {
	dev, prod := newWorld(t, a, "dev"), newWorld(t, a, "prod")
	dev.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	prod.put(slice("a-1", 9090, pod("10.0.0.2", "")))
	a.put(t, "prod", "b-headless", slice("b-1", 9090, pod("10.0.0.3", "")))
	b := prod.builder(Config{}, nil)
	awaitAddrs(t, enough, dev.look(dev.builder(Config{}, nil), "dev", service), "10.0.0.1:9090")
	awaitAddrs(t, enough, prod.look(b, "prod", service), "10.0.0.2:9090")
	awaitAddrs(t, enough, prod.look(b, "prod", "a.v1.B"), "10.0.0.3:9090")
	foreign := prod.look(b, "dev", service)
	eventually(t, 5*time.Second, "forbidden", func(context.Context) bool { return foreign.get().err != nil })
	if err := foreign.get().err; !strings.Contains(err.Error(), "forbidden") || len(addrs(foreign)) > 0 {
		t.Errorf("got %v, %v", err, addrs(foreign))
	}
}

// testNetwork has the API out of reach for a while, in each way, with changes that nobody is told of.
func testNetwork(t *testing.T, a *apiserver) {
	for name, fault := range map[string]func(*faultproxy.Proxy){
		"refused": (*faultproxy.Proxy).Cut,
		"frozen":  func(p *faultproxy.Proxy) { p.Freeze(both) },
		"deaf":    func(p *faultproxy.Proxy) { p.Freeze(faultproxy.ToServer) },
		"mute":    func(p *faultproxy.Proxy) { p.Freeze(faultproxy.ToClient) },
		"cut": func(p *faultproxy.Proxy) { // and then refused nothing, but answered nothing either
			p.Cut()
			p.Heal()
			p.Freeze(both)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, a, "network-"+name)
			w.run("10.0.0.1")
			w.run("10.0.0.2")
			w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
			calls := startCaller(t, w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(Config{}, nil))))
			fault(w.proxy)
			during(t, 6*time.Second)
			w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", "")))
			during(t, 6*time.Second)
			w.proxy.Heal()
			calls.awaitAnswer(10*time.Second, "10.0.0.2")
			calls.expectNoFailure()
		})
	}
}

// testForgotten has a router forget connections. client-go looks after 30 s of silence, and waits 15 s for an answer.
func testForgotten(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "forgotten")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	conn := w.look(w.builder(Config{}, nil), w.namespace, service)
	awaitCount(t, enough, conn, 1)
	w.proxy.Lose()
	w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", "")))
	awaitCount(t, 55*time.Second, conn, 2)
}

// testEmptied has all slices vanish while pods live, and others come back.
func testEmptied(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "emptied")
	w.run("10.0.0.1")
	w.run("10.0.0.2")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	calls := startCaller(t, w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(Config{}, nil))))
	a.do(t, http.MethodDelete, placeOf(w.namespace), nil)
	during(t, 5*time.Second)
	w.put(slice("a-2", 9090, pod("10.0.0.2", "")))
	calls.awaitAnswer(soon, "10.0.0.2")
	calls.expectNoFailure()
}

// tooOld has the first watch ask for what was long ago. The rest is the API server's.
type tooOld struct {
	http.RoundTripper
	watches *atomic.Int32
}

func (o tooOld) RoundTrip(request *http.Request) (*http.Response, error) {
	if query := request.URL.Query(); query.Get("watch") != "" && o.watches.Add(1) == 1 {
		request = request.Clone(request.Context())
		query.Set("resourceVersion", "1")
		request.URL.RawQuery = query.Encode()
	}
	return o.RoundTripper.RoundTrip(request)
}

// testTooOld is what a client is told that was away for longer than the API server remembers: 410, gone.
func testTooOld(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "too-old")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	var watches atomic.Int32
	b := w.builder(Config{}, func(next http.RoundTripper) http.RoundTripper { return tooOld{next, &watches} })
	conn := w.look(b, w.namespace, service)
	eventually(t, enough, "watched again", func(context.Context) bool { return watches.Load() == 2 })
	if !strings.Contains(w.log.String(), "too old resource version") {
		t.Errorf("logged %s", w.log)
	}
	w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", "")))
	awaitCount(t, 2*time.Second, conn, 2)
}

// counted counts requests.
type counted struct {
	http.RoundTripper
	requests *atomic.Int32
}

func (c counted) RoundTrip(request *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.RoundTripper.RoundTrip(request)
}

// testForbidden has a service account get its role late.
func testForbidden(t *testing.T, a *apiserver) {
	w := newForbiddenWorld(t, a, "forbidden")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	var requests atomic.Int32
	b := w.builder(Config{}, func(next http.RoundTripper) http.RoundTripper { return counted{next, &requests} })
	conn := w.look(b, w.namespace, service)
	during(t, 10*time.Second)
	t.Logf("%d requests, told: %v", requests.Load(), conn.get().err)
	if n := requests.Load(); n > 10 {
		t.Errorf("%d requests", n)
	}
	if lines := strings.Split(strings.TrimSpace(w.log.String()), "\n"); len(lines) != 1 || !strings.Contains(lines[0], `cannot list resource \"endpointslices\"`) {
		t.Errorf("logged %q", lines)
	}
	a.allow(t, w.namespace, "app")
	awaitCount(t, 10*time.Second, conn, 1)
}

// testToken has a token be good no longer, as soon as another one is in its place. client-go reads it again every 50 s, and
// the kubelet replaces it two minutes before its end.
func testToken(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "token")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	conn := w.look(w.builder(Config{}, nil), w.namespace, service)
	awaitCount(t, enough, conn, 1)
	w.rotate(a.account(t, w.namespace, "app", "second"))
	a.do(t, http.MethodDelete, "/api/v1/namespaces/"+w.namespace+"/secrets/first", nil)
	during(t, 11*time.Second) // for which the API server remembers who has shown it
	w.proxy.Cut()             // the watch that has shown the old one
	w.proxy.Heal()
	w.put(slice("a-1", 9090, pod("10.0.0.1", ""), pod("10.0.0.2", "")))
	awaitCount(t, time.Minute, conn, 2)
}

// testDeadline is scenario 15: nothing is known, and a call returns when its deadline says so.
func testDeadline(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "deadline")
	for name, fault := range map[string]func(){"refused": w.proxy.Cut, "frozen": func() { w.proxy.Freeze(both) }} {
		w.proxy.Heal()
		fault()
		took := time.Hour
		for tries := 0; took > 350*time.Millisecond && tries < 3; tries++ { // the machine may have other things to do
			conn := w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(Config{}, nil)))
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
}

// testColdStart is scenario 17: a new process, the API away, and what the last process has found on disk.
func testColdStart(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "cold-start")
	w.run("10.0.0.1")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	cfg := Config{CacheDir: t.TempDir()}
	before := w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(cfg, nil)))
	if _, err := call(before, enough, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]func(){"refused": w.proxy.Cut, "frozen": func() { w.proxy.Freeze(both) }} {
		w.proxy.Heal()
		fault()
		start := time.Now()
		if _, err := call(w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(cfg, nil))), atOnce); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		t.Logf("%s: called after %v", name, time.Since(start))
	}
}

// testIdle is scenario 16: the resolver has ended because nobody called, and the API is away when somebody does again.
func testIdle(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "idle")
	w.run("10.0.0.1")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	conn := w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(Config{}, nil)), grpc.WithIdleTimeout(time.Second))
	if _, err := call(conn, enough, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	eventually(t, enough, "idle", func(context.Context) bool { return conn.GetState() == connectivity.Idle })
	w.proxy.Freeze(both)
	start := time.Now()
	if _, err := call(conn, atOnce); err != nil {
		t.Errorf("got %v", err)
	}
	t.Logf("called after %v", time.Since(start))
}

// testServer kills the API server, and stops it for a while.
func testServer(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "server")
	for i := range 4 {
		w.run("10.0.0." + strconv.Itoa(i+1))
	}
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	calls := startCaller(t, w.dial(Target(w.namespace, service), grpc.WithResolvers(w.builder(Config{}, nil))))
	a.kill()
	during(t, 5*time.Second)
	a.start(t)
	w.put(slice("a-1", 9090, pod("10.0.0.2", "")))
	calls.awaitAnswer(10*time.Second, "10.0.0.2")
	a.signal(t, syscall.SIGSTOP)
	during(t, 10*time.Second)
	a.signal(t, syscall.SIGCONT)
	w.put(slice("a-1", 9090, pod("10.0.0.3", "")))
	calls.awaitAnswer(10*time.Second, "10.0.0.3")
	a.kill()
	a.start(t)
	w.put(slice("a-1", 9090, pod("10.0.0.4", "")))
	calls.awaitAnswer(10*time.Second, "10.0.0.4")
	calls.expectNoFailure()
}

// testLeaks counts what is left after connections have had their share of faults and ended.
func testLeaks(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "leaks")
	w.run("10.0.0.1")
	w.put(slice("a-1", 9090, pod("10.0.0.1", "")))
	var before leftover.Open
	for round := range 2 { // the first one is for what is there for good
		b := w.builder(Config{}, nil)
		var conns []*grpc.ClientConn
		for range 4 {
			conns = append(conns, w.dial(Target(w.namespace, service), grpc.WithResolvers(b)))
		}
		for range 3 {
			for _, conn := range conns {
				if _, err := call(conn, enough, grpc.WaitForReady(true)); err != nil {
					t.Fatal(err)
				}
			}
			w.proxy.Cut()
			during(t, time.Second)
			w.proxy.Heal()
			during(t, time.Second)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
		eventually(t, enough, "no connections", func(context.Context) bool { return w.proxy.Connections() == 0 })
		if round == 0 {
			before = leftover.Settled(t)
			continue
		}
		leftover.ExpectNoMore(t, before)
	}
}

// testCost is scenario 25: 1000 pods, of which 50 change in a second. Writing costs the test something, too.
func testCost(t *testing.T, a *apiserver) {
	w := newWorld(t, a, "cost")
	for i := range 10 {
		w.put(many(i, 9090))
	}
	writing := churn(t, w)
	conn := w.look(w.builder(Config{}, nil), w.namespace, service)
	awaitCount(t, enough, conn, 1000)
	a.expectWatches(t, true)
	both := churn(t, w)
	t.Logf("%.1f %% of a core, %.1f %% of which for writing; %d updates", both, writing, conn.get().updates)
	awaitCount(t, soon, conn, 1000)
}

// churn has 50 changes in each of five seconds, and returns the percentage of a core that they have cost this process.
func churn(t *testing.T, w *world) float64 {
	t.Helper()
	before, start := processor(t), time.Now()
	for i := range 250 {
		time.Sleep(time.Until(start.Add(time.Duration(i) * 20 * time.Millisecond))) // the rate is what is tested
		changed := many(i%10, 9090)
		if i < 240 {
			changed.Endpoints[i/10] = pod("10.0.1."+strconv.Itoa(i), "")
		}
		w.put(changed)
	}
	return 100 * (processor(t) - before).Seconds() / time.Since(start).Seconds()
}

// processor is how long this process has used one.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
