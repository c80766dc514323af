package balancing

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/acme/shop/internal/platform/discovery"
)

// BenchmarkPick picks one of 1,000 instances that are ready.
func BenchmarkPick(b *testing.B) {
	for _, name := range policies {
		b.Run(name, func(b *testing.B) { benchmarkPick(b, name) })
	}
}

func benchmarkPick(b *testing.B, policy string) {
	selected, err := Config(policy)
	if err != nil {
		b.Fatal(err)
	}
	conn := &channel{}
	for name, settings := range selected {
		builder := balancer.Get(name)
		built := builder.Build(conn, balancer.BuildOptions{})
		defer built.Close()
		state := balancer.ClientConnState{ResolverState: thousand(), BalancerConfig: parse(b, builder, settings)}
		if err := built.UpdateClientConnState(state); err != nil {
			b.Fatal(err)
		}
	}
	info := balancer.PickInfo{Ctx: WithHash(b.Context(), "1")}
	picker := conn.ready(info)
	b.ReportAllocs()
	for b.Loop() {
		result, err := picker.Pick(info)
		if err != nil {
			b.Fatal(err)
		}
		if result.Done != nil {
			result.Done(balancer.DoneInfo{})
		}
	}
}

func thousand() resolver.State {
	var state resolver.State
	for i := range 1000 {
		weight := strconv.Itoa(1 + rand.IntN(100))
		instance := discovery.Instance{Addr: fmt.Sprintf("10.0.0.%d:9090", i), Metadata: discovery.Metadata{"weight": weight}}
		state.Endpoints = append(state.Endpoints, instance.Endpoint())
	}
	return state
}

func parse(b *testing.B, builder balancer.Builder, settings any) serviceconfig.LoadBalancingConfig {
	b.Helper()
	parser, ok := builder.(balancer.ConfigParser)
	if !ok {
		return nil
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		b.Fatal(err)
	}
	config, err := parser.ParseConfig(raw)
	if err != nil {
		b.Fatal(err)
	}
	return config
}

// channel is a connection whose addresses are all ready as soon as they are asked to connect.
type channel struct {
	balancer.ClientConn
	connected sync.WaitGroup

	mu     sync.Mutex
	picker balancer.Picker
}

func (c *channel) UpdateState(state balancer.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.picker = state.Picker
}

// ready returns the picker as soon as it has an instance for a call. Some balancers connect when they are first asked.
func (c *channel) ready(info balancer.PickInfo) balancer.Picker {
	for {
		c.connected.Wait()
		c.mu.Lock()
		picker := c.picker
		c.mu.Unlock()
		if _, err := picker.Pick(info); err == nil {
			return picker
		}
		time.Sleep(time.Millisecond)
	}
}

func (c *channel) NewSubConn(_ []resolver.Address, options balancer.NewSubConnOptions) (balancer.SubConn, error) {
	return &subConn{channel: c, listener: options.StateListener}, nil
}

type subConn struct {
	balancer.SubConn
	channel  *channel
	listener func(balancer.SubConnState)
}

func (s *subConn) Connect() {
	s.channel.connected.Go(func() {
		s.listener(balancer.SubConnState{ConnectivityState: connectivity.Connecting})
		s.listener(balancer.SubConnState{ConnectivityState: connectivity.Ready})
	})
}

func (s *subConn) RegisterHealthListener(listener func(balancer.SubConnState)) {
	s.channel.connected.Go(func() { listener(balancer.SubConnState{ConnectivityState: connectivity.Ready}) })
}

func (*subConn) Shutdown() {}
