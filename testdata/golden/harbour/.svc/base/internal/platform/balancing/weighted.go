package balancing

import (
	"strconv"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"

	"example.com/harbour/internal/platform/discovery"
)

const (
	weightKey     = "weight" // in an instance's metadata
	defaultWeight = 1        // of instances that don't say
)

// byWeight picks instances in proportion to their weights.
func byWeight(instances []ready) balancer.Picker {
	pickers, weights := make([]balancer.Picker, len(instances)), make([]float64, len(instances))
	for i, instance := range instances {
		pickers[i], weights[i] = instance.Picker, weightOf(instance.Endpoint)
	}
	return newAliasPicker(pickers, weights)
}

func weightOf(endpoint resolver.Endpoint) float64 {
	weight, err := strconv.ParseUint(discovery.MetadataOf(endpoint)[weightKey], 10, 32)
	if err != nil {
		return defaultWeight
	}
	return float64(weight)
}
