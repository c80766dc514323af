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
	find := places(map[string]place{
		"a.v1.A": parsePlace("pay"), "b.v1.B": parsePlace("pay.billing:81"), "c.v1.C": parsePlace("pay:grpc"),
	})
	tests := map[string]place{
		"a.v1.A":         {"pay", "prod", "9090"},
		"b.v1.B":         {"pay", "billing", "81"},
		"c.v1.C":         {"pay", "prod", "grpc"},
		"x.v1.Who_Knows": {"who-knows-headless", "prod", "9090"},
	}
	for service, want := range tests {
		if got := find("prod", service); got != want {
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
}

func TestOpenTakesNamesOfPorts(t *testing.T) {
	for by, want := range map[string]bool{"": false, ByDNS: false, ByEndpointSlices: true} {
		if _, err := Open(Config{Endpoints: []string{"a.v1.A=pay.billing:grpc"}, By: by}); (err == nil) != want {
			t.Errorf("by %q: got %v", by, err)
		}
	}
}

// names is a DNS.
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
		source := newDNSSource(dns, places(nil))
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
		if want := "a-headless.prod.svc"; dns.last() != want {
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

// TestLostOfAnother has a connection end to a service that is not the one that is followed.
func TestLostOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, told := newDNSSource(&names{}, places(nil)), make(chan time.Time, 1)
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
		TypeMeta:   metav1.TypeMeta{Kind: "EndpointSlice", APIVersion: "discovery.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "prod"}, AddressType: discoveryv1.AddressTypeIPv4,
		Ports:     []discoveryv1.EndpointPort{{Name: &portName, Port: &port}},
		Endpoints: endpoints,
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
		for _, instance := range usable(known, test.port, "a") {
			got = append(got, instance.Addr+" "+instance.Metadata["zone"])
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
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
		r.URL.Query().Get("labelSelector") != "kubernetes.io/service-name=a-headless" {
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
