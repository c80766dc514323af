package balancing

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// ready is an instance that is connected, and says that it is serving.
type ready struct {
	resolver.Endpoint
	balancer.Picker
}

// shardedBuilder builds balancers that are connected to all instances, and of which pick says how they pick among
// those that are ready, of which there is at least one.
type shardedBuilder struct {
	name  string
	pick  func([]ready) balancer.Picker
	weigh func(resolver.Endpoint) float64
	each  func(balancer.ClientConn) balancer.ClientConn // puts something around each instance; may be nil
}

func (b shardedBuilder) Name() string { return b.name }

func (b shardedBuilder) Build(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	return sharded{endpointsharding.NewBalancer(shardedConn{conn, b.pick, b.weigh}, options, b.connect, endpointsharding.Options{})}
}

// connect builds the balancer of one instance.
func (b shardedBuilder) connect(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	if b.each != nil {
		conn = b.each(conn)
	}
	return balancer.Get(pickfirst.Name).Build(conn, options)
}

type sharded struct{ balancer.Balancer }

// UpdateClientConnState has instances that are not healthy left out, as grpc-go's balancers do.
func (s sharded) UpdateClientConnState(state balancer.ClientConnState) error {
	return s.Balancer.UpdateClientConnState(balancer.ClientConnState{
		ResolverState: pickfirst.EnableHealthListener(state.ResolverState),
	})
}

// alike is the weight of instances where there are none.
func alike(resolver.Endpoint) float64 { return 1 }

// shardedConn puts another picker in the place of the one that takes turns.
type shardedConn struct {
	balancer.ClientConn
	pick  func([]ready) balancer.Picker
	weigh func(resolver.Endpoint) float64
}

// shardedPicker is the picker of a shardedConn, which knows about its instances.
type shardedPicker struct {
	balancer.Picker
	weight float64 // of an instance on average, those that are not ready having none
}

func (c shardedConn) UpdateState(state balancer.State) {
	if state.ConnectivityState == connectivity.Ready {
		var instances []ready
		var weight float64
		all := endpointsharding.ChildStatesFromPicker(state.Picker)
		for _, child := range all {
			if child.State.ConnectivityState == connectivity.Ready {
				instances = append(instances, ready{child.Endpoint, child.State.Picker})
				weight += c.weigh(child.Endpoint)
			}
		}
		state.Picker = shardedPicker{c.pick(instances), weight / float64(len(all))}
	}
	c.ClientConn.UpdateState(state)
}
