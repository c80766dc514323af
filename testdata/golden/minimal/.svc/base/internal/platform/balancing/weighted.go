package balancing

import (
	"slices"
	"strconv"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"example.com/hello/internal/platform/discovery"
)

const (
	weightKey     = "weight" // in an instance's metadata
	defaultWeight = 1        // of instances that don't say
)

// weightedBuilder builds balancers that are connected to all instances, and pick by weight among those that are ready.
type weightedBuilder struct{}

func (weightedBuilder) Name() string { return weightedName }

func (weightedBuilder) Build(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	connect := balancer.Get(pickfirst.Name).Build
	return weighted{endpointsharding.NewBalancer(weightedConn{conn}, options, connect, endpointsharding.Options{})}
}

type weighted struct{ balancer.Balancer }

// UpdateClientConnState has instances that are not healthy left out, as grpc-go's balancers do.
func (w weighted) UpdateClientConnState(state balancer.ClientConnState) error {
	return w.Balancer.UpdateClientConnState(balancer.ClientConnState{
		ResolverState: pickfirst.EnableHealthListener(state.ResolverState),
	})
}

// weightedConn puts a picker by weight in the place of the one that takes turns.
type weightedConn struct{ balancer.ClientConn }

func (c weightedConn) UpdateState(state balancer.State) {
	if state.ConnectivityState == connectivity.Ready {
		state.Picker = pickerByWeight(endpointsharding.ChildStatesFromPicker(state.Picker))
	}
	c.ClientConn.UpdateState(state)
}

// pickerByWeight picks among the instances that are ready. Those of weight 0 are for when there is nothing else.
func pickerByWeight(instances []endpointsharding.ChildState) balancer.Picker {
	var ready, weighty []balancer.Picker
	var weights []float64
	for _, instance := range instances {
		if instance.State.ConnectivityState != connectivity.Ready {
			continue
		}
		ready = append(ready, instance.State.Picker)
		if weight := weightOf(instance.Endpoint); weight > 0 {
			weighty, weights = append(weighty, instance.State.Picker), append(weights, weight)
		}
	}
	if len(weighty) == 0 {
		return newAliasPicker(ready, slices.Repeat([]float64{defaultWeight}, len(ready)))
	}
	return newAliasPicker(weighty, weights)
}

func weightOf(endpoint resolver.Endpoint) float64 {
	weight, err := strconv.ParseUint(discovery.MetadataOf(endpoint)[weightKey], 10, 32)
	if err != nil {
		return defaultWeight
	}
	return float64(weight)
}
