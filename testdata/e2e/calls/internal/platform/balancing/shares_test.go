package balancing

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"

	"github.com/acme/shop/internal/platform/discovery"
)

const (
	clients = 400
	size    = 20
	number  = 100 // of instances
)

// subsetClient is a client that is connected to whatever its balancer wants.
type subsetClient struct {
	balancer.ClientConn
	balancer balancer.Balancer
	config   balancer.ClientConnState

	mu        sync.Mutex
	connected map[string]bool
}

func (*subsetClient) UpdateState(balancer.State) {}

func (c *subsetClient) NewSubConn(addrs []resolver.Address, _ balancer.NewSubConnOptions) (balancer.SubConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected[addrs[0].Addr] = true
	return &subsetConn{client: c, addr: addrs[0].Addr}, nil
}

type subsetConn struct {
	balancer.SubConn
	client *subsetClient
	addr   string
}

func (*subsetConn) Connect() {}

func (s *subsetConn) Shutdown() {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	delete(s.client.connected, s.addr)
}

func newSubsetClient(t *testing.T) *subsetClient {
	t.Helper()
	settings, err := Config(RoundRobin, size)
	if err != nil {
		t.Fatal(err)
	}
	c := &subsetClient{connected: map[string]bool{}}
	for name, settings := range settings {
		builder := balancer.Get(name)
		c.balancer = builder.Build(c, balancer.BuildOptions{})
		t.Cleanup(c.balancer.Close)
		c.config.BalancerConfig = parse(t, builder, settings)
	}
	return c
}

// told is what the client is connected to once it has been told which instances there are.
func (c *subsetClient) told(t *testing.T, instances []resolver.Endpoint) map[string]bool {
	t.Helper()
	state := c.config
	state.ResolverState.Endpoints = instances
	if err := c.balancer.UpdateClientConnState(state); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.connected)
}

func instanceAt(i int) resolver.Endpoint {
	return discovery.Instance{Addr: fmt.Sprintf("10.0.%d.%d:9090", i/256, i%256)}.Endpoint()
}

// TestSubsets has many clients choose. Each has as many connections as it is to have, instances have even shares of the
// clients, and one that comes or goes moves one connection of those clients alone that have it.
func TestSubsets(t *testing.T) {
	var all []resolver.Endpoint
	for i := range number {
		all = append(all, instanceAt(i))
	}
	gone, fewer, more := all[0].Addresses[0].Addr, all[1:], append(slices.Clone(all), instanceAt(number))
	share := map[string]int{}
	arrivals := 0
	for range clients {
		c := newSubsetClient(t)
		before := c.told(t, all)
		if len(before) != size {
			t.Fatalf("%d connections, want %d", len(before), size)
		}
		for addr := range before {
			share[addr]++
		}
		if got, want := moved(before, c.told(t, fewer)), before[gone]; got > 1 || (got == 1) != want {
			t.Errorf("%d connections moved when an instance left; was it connected to that: %v", got, want)
		}
		c.told(t, all)
		got := moved(before, c.told(t, more))
		if got > 1 {
			t.Errorf("%d connections moved when an instance came", got)
		}
		arrivals += got
	}
	for addr, got := range share {
		checkShare(t, addr, got, size, number)
	}
	checkShare(t, "the instance that came", arrivals, size, number+1)
}

// moved counts the connections that are new.
func moved(before, after map[string]bool) int {
	n := 0
	for addr := range after {
		if !before[addr] {
			n++
		}
	}
	return n
}

// checkShare allows what is more by chance once in a billion times.
func checkShare(t *testing.T, who string, got, size, number int) {
	t.Helper()
	part := float64(size) / float64(number)
	want, deviation := clients*part, 6*math.Sqrt(clients*part*(1-part))
	if math.Abs(float64(got)-want) > deviation {
		t.Errorf("%s has %d of %d clients, want %.0f ± %.0f", who, got, clients, want, deviation)
	}
}

// TestSubsetOfFew leaves out none while there are no more than it may have.
func TestSubsetOfFew(t *testing.T) {
	c := newSubsetClient(t)
	few := []resolver.Endpoint{instanceAt(1), instanceAt(2)}
	if got := c.told(t, few); len(got) != len(few) {
		t.Errorf("%d connections to %d instances", len(got), len(few))
	}
}
