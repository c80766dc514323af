package e2e_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// overlays hold the handlers that somebody has written for a golden project.
const overlays = "../../testdata/e2e"

var shopServices = map[string][]string{
	"storefront": {"shop.admin.v1.Catalog", "shop.catalog.v1.Catalog", "shop.recommend.v1.Recommendation"},
	"ordering":   {"shop.cart.v1.Cart", "shop.checkout.v1.Checkout"},
	"finance":    {"shop.finance.v1.Currency", "shop.finance.v1.Payment"},
	"fulfilment": {"shop.fulfilment.v1.Email", "shop.fulfilment.v1.Shipping"},
}

// TestShopRuns runs the golden shop as its owner would, with a few handlers written: four apps and an etcd. Everything
// is looked at from outside, through etcd's own resolver for gRPC.
func TestShopRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	readTree(t, filepath.Join(goldens, "shop")).write(t, dir)
	readTree(t, filepath.Join(overlays, "shop")).write(t, dir)
	bin := buildApps(t, dir, "-ldflags", "-X main.version=v1.2.3")

	s := &shop{bin: bin, etcd: startEtcd(t), apps: map[string]*process{}, canary: buildApps(t, dir, "-ldflags", "-X main.version="+canary)}
	for app := range shopServices {
		s.apps[app] = s.start(t, app)
	}
	s.awaitListed(t, 9)

	t.Run("listed", s.testListed)
	t.Run("kinds", s.testKinds)
	t.Run("unimplemented", s.testUnimplemented)
	t.Run("health", s.testHealth)
	t.Run("reflection", s.testReflection)
	t.Run("request", s.testRequest)
	t.Run("clients", s.testClients)
	t.Run("admin", s.testAdmin)
	t.Run("deadline", s.testDeadline)
	t.Run("canary", s.testCanary)
	t.Run("breaker", s.testBreaker)
	old := s.apps["finance"]
	s.apps["finance"] = s.start(t, "finance")
	t.Run("restart", func(t *testing.T) { s.testRestart(t, old) })
	t.Run("end", s.testEnd)
	t.Run("alone", s.testAlone)
}

type shop struct {
	bin    string
	canary string // as bin, in a newer version
	etcd   *clientv3.Client
	apps   map[string]*process
}

func (s *shop) start(t *testing.T, app string) *process {
	t.Helper()
	return s.startFrom(t, s.bin, app)
}

func (s *shop) startFrom(t *testing.T, bin, app string) *process {
	t.Helper()
	prefix := strings.ToUpper(app)
	env := append(loopback(prefix), prefix+"_REGISTRY_ENDPOINTS="+strings.Join(s.etcd.Endpoints(), ","))
	return start(t, bin, app, append(env, callSettings(prefix)...), "--set", "environment=e2e", "--set", "registry.zone=here", "--set", "registry.namespace="+namespace)
}

const namespace = "acme/shop"

// startEtcd starts an etcd in this process, and returns a client of it.
func startEtcd(t *testing.T) *clientv3.Client {
	t.Helper()
	return startEtcdAt(t, "127.0.0.1:0")
}

func startEtcdAt(t *testing.T, addr string) *clientv3.Client {
	t.Helper()
	_, client := launchEtcd(t, addr)
	return client
}

// launchEtcd is startEtcdAt for an etcd that may be stopped before the test ends.
func launchEtcd(t *testing.T, addr string) (stop func(), client *clientv3.Client) {
	t.Helper()
	cfg := embed.NewConfig()
	peers, clients := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}, []url.URL{{Scheme: "http", Host: addr}}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = peers, peers
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = clients, clients
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.Dir, cfg.LogLevel, cfg.UnsafeNoFsync = t.TempDir(), "panic", true
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(server.Close)
	t.Cleanup(stop)
	select {
	case <-server.Server.ReadyNotify():
	case <-within(t).Done():
		t.Fatal("etcd does not start")
	}
	client, err = clientv3.New(clientv3.Config{Endpoints: []string{server.Clients[0].Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return stop, client
}

// awaitListed waits until etcd has n entries. It asks again and again: a watch tells of a change before it can be read.
func (s *shop) awaitListed(t *testing.T, n int) {
	t.Helper()
	end := time.After(patience)
	for tick := time.NewTicker(20 * time.Millisecond); len(s.listed(t)) != n; {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("etcd does not come to have %d entries, but %v", n, slices.Sorted(maps.Keys(s.listed(t))))
		}
	}
}

// listed returns the entries of the registry as etcd's own package reads them.
func (s *shop) listed(t *testing.T) endpoints.Key2EndpointMap {
	t.Helper()
	all, err := s.list(t)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// list is listed for an etcd that may not be able to say.
func (s *shop) list(t *testing.T) (endpoints.Key2EndpointMap, error) {
	t.Helper()
	manager, err := endpoints.NewManager(s.etcd, namespace)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return manager.List(ctx)
}

// dial finds a service by its name in etcd, with nothing but etcd's resolver.
func (s *shop) dial(t *testing.T, service string) foreign {
	t.Helper()
	builder, err := resolver.NewBuilder(s.etcd)
	if err != nil {
		t.Fatal(err)
	}
	return dial(t, "etcd:///"+namespace+"/"+service, grpc.WithResolvers(builder))
}

func (s *shop) testListed(t *testing.T) {
	all := s.listed(t)
	for app, services := range shopServices {
		addr, _ := s.apps[app].serving(t)
		for _, service := range services {
			entry, ok := all[namespace+"/"+service+"/"+addr]
			if !ok || entry.Addr != addr {
				t.Errorf("%s: entry is %v, want one for %s", service, entry, addr)
			}
			want := map[string]any{"app": app, "version": "v1.2.3", "environment": "e2e", "zone": "here", "weight": "1"}
			got, _ := entry.Metadata.(map[string]any)
			if id, _ := got["instance"].(string); id == "" {
				t.Errorf("%s: metadata %v has no id of the instance", service, entry.Metadata)
			}
			if delete(got, "instance"); !maps.Equal(got, want) {
				t.Errorf("%s: metadata is %v, want %v and the id of the instance", service, entry.Metadata, want)
			}
		}
	}
	leases, err := s.etcd.Leases(within(t))
	if err != nil || len(leases.Leases) != len(shopServices) {
		t.Errorf("leases: %v, %v, want one for each app", leases, err)
	}
}

func (s *shop) testKinds(t *testing.T) {
	tests := map[string]struct {
		method         string
		requests, want []string
	}{
		"unary": {"shop.catalog.v1.Catalog/GetProduct", []string{`{"id": "mug"}`},
			[]string{`{"id":"mug","name":"Mug","price":{"currencyCode":"EUR","units":"8"}}`}},
		"client stream": {"shop.cart.v1.Cart/ImportItems", []string{`{"item": {"quantity": 2}}`, `{"item": {"quantity": 3}}`},
			[]string{`{"items":5}`}},
		"bidi stream": {"shop.finance.v1.Currency/ConvertAll", []string{`{"from": {"units": 1}}`, `{"from": {"units": 4}}`},
			[]string{`{"units":"2"}`, `{"units":"8"}`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			service, _, _ := strings.Cut(test.method, "/")
			got, err := s.dial(t, service).call(within(t), t, test.method, test.requests)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%s: got %v, %v, want %v", test.method, got, err, test.want)
			}
		})
	}
	t.Run("server stream", func(t *testing.T) {
		got, err := s.dial(t, "shop.catalog.v1.Catalog").call(within(t), t, "shop.catalog.v1.Catalog/WatchStock", []string{`{}`})
		if err != nil || len(got) != 3 || !strings.Contains(got[0], `"left":2`) {
			t.Errorf("got %v, %v, want three levels", got, err)
		}
	})
}

// testUnimplemented calls a handler that nobody has touched, of the other service with the name Catalog.
func (s *shop) testUnimplemented(t *testing.T) {
	const method = "shop.admin.v1.Catalog/DeleteProduct"
	_, err := s.dial(t, "shop.admin.v1.Catalog").call(within(t), t, method, []string{`"mug"`})
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "shop.admin.v1.Catalog.DeleteProduct") {
		t.Errorf("got %v, want Unimplemented with the method's name", err)
	}
}

func (s *shop) testHealth(t *testing.T) {
	for app, services := range shopServices {
		conn := s.dial(t, services[0])
		for _, service := range append(services, "") {
			if got := conn.health(t, service); got != healthpb.HealthCheckResponse_SERVING {
				t.Errorf("%s: health of %q is %s", app, service, got)
			}
		}
	}
	_, err := healthpb.NewHealthClient(s.dial(t, "shop.cart.v1.Cart")).
		Check(within(t), &healthpb.HealthCheckRequest{Service: "shop.finance.v1.Payment"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("health of a service that is elsewhere: %v, want NotFound", err)
	}
}

func (s *shop) testReflection(t *testing.T) {
	for app, services := range shopServices {
		want := append([]string{
			"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		}, services...)
		if got := s.dial(t, services[0]).services(t); !slices.Equal(got, want) {
			t.Errorf("%s serves %v, want %v", app, got, want)
		}
	}
}

const (
	requestID = "e2e-1.2:3"
	traceID   = "0af7651916cd43dd8448eb211c80319c"
)

// traced is the context of a call that others trace, too.
func traced(t *testing.T) context.Context {
	return metadata.AppendToOutgoingContext(within(t),
		"x-request-id", requestID, "traceparent", "00-"+traceID+"-b7ad6b7169203331-01")
}

// testRequest looks for the ids of a call in its header and in what the app logs meanwhile, the handler included.
func (s *shop) testRequest(t *testing.T) {
	const method = "shop.catalog.v1.Catalog/GetProduct"
	var header metadata.MD
	_, err := s.dial(t, "shop.catalog.v1.Catalog").call(traced(t), t, method, []string{`{"id": "jug"}`}, grpc.Header(&header))
	if status.Code(err) != codes.NotFound {
		t.Fatalf("got %v, want the handler's NotFound", err)
	}
	if got := header.Get("x-request-id"); !slices.Equal(got, []string{requestID}) {
		t.Errorf("header has %v, want the caller's %s", got, requestID)
	}
	log := s.apps["storefront"].log
	log.await(t, line{"msg": "looking up", "product": "jug", "request_id": requestID, "trace_id": traceID})
	log.await(t, line{"msg": "call finished", "method": method, "code": "NotFound", "request_id": requestID, "trace_id": traceID})

	header = nil
	_, _ = s.dial(t, "shop.catalog.v1.Catalog").call(within(t), t, method, []string{`{}`}, grpc.Header(&header))
	made := header.Get("x-request-id")
	if len(made) != 1 {
		t.Fatalf("a caller without an id is given %v", made)
	}
	log.await(t, line{"msg": "call finished", "request_id": made[0], "trace_id": nil})
}

// testClients has ordering call the other apps through their typed clients. The ids go along.
func (s *shop) testClients(t *testing.T) {
	got, err := s.dial(t, "shop.checkout.v1.Checkout").
		call(traced(t), t, "shop.checkout.v1.Checkout/PlaceOrder", []string{`{"currencyCode": "SEK"}`})
	if want := `"total":{"currencyCode":"SEK","units":"18"}`; err != nil || !strings.Contains(got[0], want) {
		t.Fatalf("got %v, %v, want %s", got, err, want)
	}
	for app, method := range map[string]string{
		"ordering":   "shop.checkout.v1.Checkout/PlaceOrder",
		"storefront": "shop.catalog.v1.Catalog/GetProduct",
		"finance":    "shop.finance.v1.Payment/Charge",
		"fulfilment": "shop.fulfilment.v1.Email/SendOrderConfirmation",
	} {
		s.apps[app].log.await(t, line{"method": method, "code": "OK", "request_id": requestID, "trace_id": traceID})
	}
}

func (s *shop) testAdmin(t *testing.T) {
	for app, p := range s.apps {
		_, admin := p.serving(t)
		for _, path := range []string{"/healthz", "/readyz"} {
			if code, body := get(t, admin, path); code != http.StatusOK || body != "ok\n" {
				t.Errorf("%s%s: %d %s", app, path, code, body)
			}
		}
		code, metrics := get(t, admin, "/metrics")
		if code != http.StatusOK || !strings.Contains(metrics, "go_goroutines") || !strings.Contains(metrics, fmt.Sprintf("service_name=%q", app)) {
			t.Errorf("%s/metrics: %d %s", app, code, metrics)
		}
		if code, _ := get(t, admin, "/debug/pprof/"); code != http.StatusNotFound {
			t.Errorf("%s: profiles are served unasked: %d", app, code)
		}
	}
	_, admin := s.apps["storefront"].serving(t)
	if _, metrics := get(t, admin, "/metrics"); !strings.Contains(metrics, `rpc_method="shop.catalog.v1.Catalog/GetProduct"`) {
		t.Errorf("no metrics of calls: %s", metrics)
	}
}

func get(t *testing.T, addr, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// testRestart rolls an app over: a second instance comes, the first goes, and a caller notices nothing.
func (s *shop) testRestart(t *testing.T, old *process) {
	const method = "shop.finance.v1.Currency/ConvertAll"
	client := s.dial(t, "shop.finance.v1.Currency")
	call := func() (server string) {
		t.Helper()
		var from peer.Peer
		if _, err := client.call(within(t), t, method, []string{`{}`}, grpc.Peer(&from)); err != nil {
			t.Fatalf("a call is lost: %v", err)
		}
		return from.Addr.String()
	}
	oldAddr, _ := old.serving(t)
	newAddr, _ := s.apps["finance"].serving(t)
	s.awaitListed(t, 11)
	for ctx, seen := within(t), map[string]bool{}; !seen[oldAddr] || !seen[newAddr]; {
		seen[call()] = true
		if ctx.Err() != nil {
			t.Fatalf("only %v are called", seen)
		}
	}
	old.signal(t)
	for ctx, ended := within(t), false; !ended && ctx.Err() == nil; {
		select {
		case <-old.done:
			ended = true
		default:
			call()
		}
	}
	if code := old.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := call(); got != newAddr {
		t.Errorf("%s answers, want %s", got, newAddr)
	}
}

// testEnd ends all apps, whose health somebody watches, as clients and meshes do. Once one has ended etcd has no entry of
// it, and need not wait for a lease to expire.
func (s *shop) testEnd(t *testing.T) {
	for app, p := range s.apps {
		addr, _ := p.serving(t)
		watched := dial(t, addr).watch(t)
		if code := p.terminate(t); code != 0 {
			t.Errorf("%s: exit code %d", app, code)
		}
		checkWatchEnded(t, app, watched)
		for key := range s.listed(t) {
			if strings.HasSuffix(key, "/"+addr) {
				t.Errorf("%s has ended, but %s is still there", app, key)
			}
		}
		p.log.await(t, line{"msg": "stopped"})
		if cut, _, _ := p.log.find(line{"msg": "calls in flight are cut off"}); cut != nil {
			t.Errorf("%s waits for those who watch its health", app)
		}
	}
	if all := s.listed(t); len(all) > 0 {
		t.Errorf("entries are left: %v", all)
	}
	leases, err := s.etcd.Leases(within(t))
	if err != nil || len(leases.Leases) > 0 {
		t.Errorf("leases are left: %v, %v", leases, err)
	}
}

// checkWatchEnded reads what somebody who watched an app until its end was told.
func checkWatchEnded(t *testing.T, app string, watched healthpb.Health_WatchClient) {
	t.Helper()
	answer, err := watched.Recv()
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("%s: before the end its health is %v, %v, want NOT_SERVING", app, answer.GetStatus(), err)
	}
	if _, err := watched.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("%s: the watch of its health ends with %v, want Unavailable", app, err)
	}
}

// testAlone starts an app that could be registered, but is not told where.
func (s *shop) testAlone(t *testing.T) {
	app := start(t, s.bin, "storefront", loopback("STOREFRONT"))
	checkAlone(t, app, "WARN", shopServices["storefront"]...)
	if code := app.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
