package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"example.com/quay/internal/platform/kubernetes"
)

func TestPlaces(t *testing.T) {
	find, err := readPlaces(Config{By: ByEndpointSlices, Endpoints: []string{
		"a.v1.A=pay", "a.v1.A=pay-canary", "a.v1.A=pay", "b.v1.B=pay.billing:81", "c.v1.C=pay:grpc",
	}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"a.v1.A":         "prod/pay,pay-canary:9090",
		"b.v1.B":         "billing/pay:81",
		"c.v1.C":         "prod/pay:grpc",
		"x.v1.Who_Knows": "prod/who-knows-headless:9090",
	}
	for service, want := range tests {
		if got := find("prod", service).String(); got != want {
			t.Errorf("%s: got %v, want %v", service, got, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, endpoint := range []string{
		"nonsense", "pay:9090", "=pay", "a.v1.A=", "a.v1.A=Pay", "a.v1.A=.billing", "a.v1.A=pay.Billing", "a.v1.A=pay:", "a.v1.A=pay:90:90",
		"a.v1.A=pay:0", "a.v1.A=pay:70000", "a.v1.A=pay:no_port", "a.v1.A=pay.ns.svc.cluster.local:9090", "a.v1.A=10.0.0.1:9090",
	} {
		for _, by := range []string{"", ByDNS, ByEndpointSlices} {
			_, err := Open(Config{Endpoints: []string{endpoint}, By: by})
			if err == nil || !strings.HasPrefix(err.Error(), "registry.endpoints: ") {
				t.Errorf("%s, by %q: got %v", endpoint, by, err)
			}
		}
	}
	if _, err := Open(Config{By: "magic"}); err == nil {
		t.Error("found by magic")
	}
	for _, second := range []string{"pay-canary.billing", "pay-canary:81"} {
		_, err := Open(Config{Endpoints: []string{"a.v1.A=pay", "b.v1.B=bills:81", "a.v1.A=" + second}})
		if err == nil || !strings.Contains(err.Error(), second) {
			t.Errorf("beside another one, %s: got %v", second, err)
		}
	}
}

func TestOpenTakesNamesOfPorts(t *testing.T) {
	for by, want := range map[string]bool{"": false, ByDNS: false, ByEndpointSlices: true} {
		if _, err := Open(Config{Endpoints: []string{"a.v1.A=pay.billing:grpc"}, By: by}); (err == nil) != want {
			t.Errorf("by %q: got %v", by, err)
		}
	}
}

// names is a DNS in which all names have the same addresses.
type names struct {
	mu    sync.Mutex
	hosts []string
	err   error
	asked string
}

func (n *names) LookupNetIP(_ context.Context, family, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = host
	var found []netip.Addr
	for _, host := range n.hosts {
		if addr := netip.MustParseAddr(host); addr.Is4() == (family == "ip4") {
			found = append(found, netip.AddrFrom16(addr.As16())) // net.Resolver gives them so, too
		}
	}
	return found, n.err
}

func (n *names) set(err error, hosts ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts, n.err = hosts, err
}

func (n *names) last() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func TestDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		dns.set(nil, "10.0.0.2", "fd00::1", "10.0.0.1", "10.0.0.2")
		source := newDNSSource(dns, "svc.cluster.local.", places(nil))
		told, ended := make(chan []Instance, 1), make(chan error, 1)
		go func() {
			ended <- source.Follow(t.Context(), "prod", "a.v1.A", func(found []Instance) { told <- found })
		}()
		expect := func(limit time.Duration, want ...string) {
			t.Helper()
			start := time.Now()
			got := []string{}
			for _, instance := range <-told {
				got = append(got, instance.Addr)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if took := time.Since(start); took > limit {
				t.Errorf("looked up after %v, want %v at most", took, limit)
			}
		}
		expect(0, "10.0.0.1:9090", "10.0.0.2:9090")
		if want := "a-headless.prod.svc.cluster.local."; dns.last() != want {
			t.Errorf("asked for %s, want %s", dns.last(), want)
		}
		dns.set(nil, "fd00::1")
		expect(lookUpEvery, "[fd00::1]:9090")
		dns.set(&net.DNSError{IsNotFound: true})
		source.Lost("prod", "a.v1.A")
		expect(lookUpRest)
		late := &net.DNSError{IsTimeout: true}
		dns.set(late)
		if err := <-ended; !errors.Is(err, late) {
			t.Errorf("got %v", err)
		}
	})
}

// twoNames is a DNS that knows pay, and pay-canary by its address, of one family, or by an error.
type twoNames struct {
	family, second string
	err            error
}

func (n twoNames) LookupNetIP(_ context.Context, family, host string) ([]netip.Addr, error) {
	switch {
	case host == "pay.prod.svc.cluster.local.":
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	case n.err != nil:
		return nil, n.err
	case family != n.family:
		return nil, &net.DNSError{IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr(n.second)}, nil
}

// TestDNSOfSeveral has a service that is at two Services.
func TestDNSOfSeveral(t *testing.T) {
	at := place{names: []string{"pay", "pay-canary"}, namespace: "prod", port: "9090"}
	first, second, sixth := Instance{Addr: "10.0.0.1:9090"}, Instance{Addr: "10.0.0.2:9090"}, Instance{Addr: "[fd00::2]:9090"}
	for name, test := range map[string]struct {
		dns  twoNames
		want []Instance
	}{
		"both are there":           {twoNames{family: "ip4", second: "10.0.0.2"}, []Instance{first, second}},
		"the second has IPv6 only": {twoNames{family: "ip6", second: "fd00::2"}, []Instance{first, sixth}},
		"the second is unknown":    {twoNames{err: &net.DNSError{IsNotFound: true}}, []Instance{first}},
		"the second fails":         {twoNames{err: &net.DNSError{IsTimeout: true}}, nil},
	} {
		got, err := newDNSSource(test.dns, "svc.cluster.local.", nil).ask(t.Context(), at)
		if !equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestClusterDomain(t *testing.T) {
	for conf, want := range map[string]string{
		"search prod.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n": "svc.cluster.local.",
		"nameserver 10.96.0.10\nsearch prod.svc.k8s.acme.test. svc.k8s.acme.test. acme.test":                      "svc.k8s.acme.test.",
		"search svc.svc.cluster.local svc.cluster.local cluster.local":                                            "svc.cluster.local.",
		"# search svc.old\nsearch acme.test\nnameserver 10.0.0.1\n":                                               "svc",
		"": "svc",
	} {
		if got := clusterDomain(conf); got != want {
			t.Errorf("%q: got %q, want %q", conf, got, want)
		}
	}
}

// TestLostOfAnother has a connection end to a service that is not the one that is followed.
func TestLostOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, told := newDNSSource(&names{}, "svc", places(nil)), make(chan time.Time, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var following sync.WaitGroup
		following.Go(func() {
			_ = source.Follow(ctx, "prod", "a.v1.A", func([]Instance) { told <- time.Now() })
		})
		first := <-told
		source.Lost("prod", "b.v1.B")
		source.Lost("test", "a.v1.A")
		if took := (<-told).Sub(first); took < lookUpEvery/2 {
			t.Errorf("looked up after %v", took)
		}
		cancel()
		following.Wait()
	})
}

func slice(name string, port int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	portName := "grpc"
	return &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{Kind: "EndpointSlice", APIVersion: "discovery.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "prod", Labels: map[string]string{discoveryv1.LabelServiceName: "a-headless"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &portName, Port: &port}},
		Endpoints:   endpoints,
	}
}

// pod returns an endpoint that is ready, with what else is to be said about it.
func pod(addr, zone string, more ...func(*discoveryv1.Endpoint)) discoveryv1.Endpoint {
	ready := true
	e := discoveryv1.Endpoint{
		Addresses: []string{addr}, Zone: &zone, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
	}
	for _, say := range more {
		say(&e)
	}
	return e
}

func unready(e *discoveryv1.Endpoint) { *e.Conditions.Ready = false }

func ending(e *discoveryv1.Endpoint) {
	yes := true
	unready(e)
	e.Conditions.Serving, e.Conditions.Terminating = &yes, &yes
}

func forZone(zone string) func(*discoveryv1.Endpoint) {
	return func(e *discoveryv1.Endpoint) {
		e.Hints = &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: zone}}}
	}
}

func TestUsable(t *testing.T) {
	v6 := slice("v6", 9090, pod("fd00::1", "a"))
	v6.AddressType = discoveryv1.AddressTypeIPv6
	tests := map[string]struct {
		slices []*discoveryv1.EndpointSlice
		port   string
		want   []string
	}{
		"of all slices, once each, in order": {[]*discoveryv1.EndpointSlice{
			slice("1", 9090, pod("10.0.0.3", "b"), pod("10.0.0.1", "a")),
			slice("2", 9090, pod("10.0.0.3", "b"), discoveryv1.Endpoint{Addresses: []string{"10.0.0.2"}}, discoveryv1.Endpoint{}),
		}, "9090", []string{"10.0.0.1:9090 a", "10.0.0.2:9090 ", "10.0.0.3:9090 b"}},
		"at the port": {[]*discoveryv1.EndpointSlice{
			slice("1", 9090, pod("10.0.0.1", "a")), slice("2", 81, pod("10.0.0.2", "a")),
		}, "81", []string{"10.0.0.2:81 a"}},
		"at the port of that name": {[]*discoveryv1.EndpointSlice{slice("1", 81, pod("10.0.0.1", "a"))}, "grpc", []string{"10.0.0.1:81 a"}},
		"ready, or else about to end": {[]*discoveryv1.EndpointSlice{
			slice("1", 9090, pod("10.0.0.1", "a"), pod("10.0.0.2", "a", unready), pod("10.0.0.3", "a", ending)),
		}, "9090", []string{"10.0.0.1:9090 a"}},
		"about to end": {[]*discoveryv1.EndpointSlice{
			slice("1", 9090, pod("10.0.0.2", "a", unready), pod("10.0.0.3", "a", ending)),
		}, "9090", []string{"10.0.0.3:9090 a"}},
		"meant for the zone": {[]*discoveryv1.EndpointSlice{
			slice("1", 9090, pod("10.0.0.1", "a", forZone("a")), pod("10.0.0.2", "b", forZone("b")), pod("10.0.0.3", "b", forZone("a"))),
		}, "9090", []string{"10.0.0.1:9090 a", "10.0.0.3:9090 b"}},
		"not all of them say for which zone": {[]*discoveryv1.EndpointSlice{
			slice("1", 9090, pod("10.0.0.1", "a", forZone("a")), pod("10.0.0.2", "b")),
		}, "9090", []string{"10.0.0.1:9090 a", "10.0.0.2:9090 b"}},
		"all of them meant for others": {[]*discoveryv1.EndpointSlice{slice("1", 9090, pod("10.0.0.2", "b", forZone("b")))}, "9090", []string{"10.0.0.2:9090 b"}},
		"of two families":              {[]*discoveryv1.EndpointSlice{slice("1", 9090, pod("10.0.0.1", "a")), v6}, "9090", []string{"10.0.0.1:9090 a"}},
		"of the other family":          {[]*discoveryv1.EndpointSlice{v6}, "9090", []string{"[fd00::1]:9090 a"}},
	}
	for name, test := range tests {
		known := map[string]*discoveryv1.EndpointSlice{}
		for _, slice := range test.slices {
			known[slice.Name] = slice
		}
		got := []string{}
		for _, instance := range usable(known, place{names: []string{"a-headless"}, port: test.port}, "a") {
			got = append(got, instance.Addr+" "+instance.Metadata["zone"])
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// TestMetadata has two Services, one of which says what its pods are, and a pod that both of them have.
func TestMetadata(t *testing.T) {
	stable, canary := slice("1", 9090, pod("10.0.0.1", "a"), pod("10.0.0.2", "")), slice("2", 9090, pod("10.0.0.2", "b"))
	stable.Labels = map[string]string{discoveryv1.LabelServiceName: "pay"}
	canary.Labels = map[string]string{
		discoveryv1.LabelServiceName: "pay-canary", "app.kubernetes.io/name": "pay", "app.kubernetes.io/version": "2",
		"environment": "test", "weight": "3", "app.kubernetes.io/instance": "x",
	}
	known := map[string]*discoveryv1.EndpointSlice{"1": stable, "2": canary}
	want := []Instance{
		{"10.0.0.1:9090", Metadata{"zone": "a"}},
		{"10.0.0.2:9090", Metadata{"app": "pay", "version": "2", "environment": "test", "zone": "b", "weight": "3"}},
	}
	for range 10 { // maps have no order
		if got := usable(known, place{names: []string{"pay", "pay-canary"}, port: "9090"}, ""); !equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	want[1].Metadata = nil
	if got := usable(known, place{names: []string{"pay-canary", "pay"}, port: "9090"}, ""); !equal(got, want) {
		t.Errorf("with the other one for the narrower: got %v, want %v", got, want)
	}
}

// TestZonesOfSeveral has two Services, one of which has hints, and the other has its pods in another zone, of either family.
func TestZonesOfSeveral(t *testing.T) {
	stable := slice("1", 9090, pod("10.0.0.1", "a", forZone("a")), pod("10.0.0.2", "b", forZone("b")))
	canary := slice("2", 9090, pod("10.0.0.3", "a", forZone("a")))
	ipv6 := slice("3", 9090, pod("fd00::1", "a"))
	ipv6.AddressType = discoveryv1.AddressTypeIPv6
	known := map[string]*discoveryv1.EndpointSlice{}
	for i, slice := range []*discoveryv1.EndpointSlice{stable, canary, ipv6} {
		slice.Labels = map[string]string{discoveryv1.LabelServiceName: "pay-" + strconv.Itoa(i)}
		known[slice.Name] = slice
	}
	var got []string
	for _, instance := range usable(known, place{names: []string{"pay-0", "pay-1", "pay-2"}, port: "9090"}, "b") {
		got = append(got, instance.Addr)
	}
	if want := []string{"10.0.0.2:9090", "10.0.0.3:9090", "[fd00::1]:9090"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestHasPort(t *testing.T) {
	known := map[string]*discoveryv1.EndpointSlice{"1": slice("1", 81, pod("10.0.0.1", "a")), "2": slice("2", 82)}
	if !hasPort(known, "82") || hasPort(known, "83") || !hasPort(nil, "83") {
		t.Error("got it wrong")
	}
}

// cluster is as much of an API server as a client of EndpointSlices gets to see.
type cluster struct {
	list    discoveryv1.EndpointSliceList
	changes chan any
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices" ||
		r.URL.Query().Get("labelSelector") != "kubernetes.io/service-name in (a-headless)" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("watch") == "" {
		_ = json.NewEncoder(w).Encode(c.list)
		return
	}
	for {
		_ = http.NewResponseController(w).Flush()
		select {
		case change, more := <-c.changes:
			if !more {
				return
			}
			_ = json.NewEncoder(w).Encode(change)
		case <-r.Context().Done():
			return
		}
	}
}

type event struct {
	Type   string `json:"type"`
	Object any    `json:"object"`
}

// TestSlices has a Service of 300 pods, in three slices, one of which changes, and goes.
func TestSlices(t *testing.T) {
	c := &cluster{changes: make(chan any)}
	c.list.Kind, c.list.APIVersion, c.list.ResourceVersion = "EndpointSliceList", "discovery.k8s.io/v1", "7"
	for i := range 3 {
		var endpoints []discoveryv1.Endpoint
		for j := range 100 {
			endpoints = append(endpoints, pod("10.0."+strconv.Itoa(i)+"."+strconv.Itoa(j), "a"))
		}
		c.list.Items = append(c.list.Items, *slice("a-"+strconv.Itoa(i), 9090, endpoints...))
	}
	server := httptest.NewServer(c)
	defer server.Close()
	client, err := kubernetes.NewSlicesOf(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	source := &slicesSource{slices: client, find: places(nil)}
	told, ended := make(chan int, 10), make(chan error, 1)
	go func() {
		ended <- source.Follow(t.Context(), "prod", "a.v1.A", func(found []Instance) { told <- len(found) })
	}()
	expect := func(want int) {
		t.Helper()
		select {
		case got := <-told:
			if got != want {
				t.Errorf("got %d instances, want %d", got, want)
			}
		case err := <-ended:
			t.Fatalf("ended: %v", err)
		case <-time.After(10 * time.Second):
			t.Fatal("not told")
		}
	}
	expect(300)
	c.changes <- event{"MODIFIED", slice("a-1", 9090, pod("10.0.1.0", "a"), pod("10.0.1.1", "a", unready))}
	expect(201)
	c.changes <- event{"DELETED", slice("a-0", 9090)}
	expect(101)
	c.changes <- event{"ERROR", metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: http.StatusGone,
		Reason: metav1.StatusReasonExpired, Message: "too old",
	}}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "too old") {
		t.Errorf("got %v, though the version is too old, and was listed just now", err)
	}
}
