package balancing

import (
	"slices"
	"strconv"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"

	"example.com/quay/internal/platform/discovery"
)

const (
	weightKey     = "weight" // in an instance's metadata
	defaultWeight = 1        // of instances that don't say
)

// byWeight picks instances in proportion to their weights. Those of weight 0 are for when there is nothing else.
func byWeight(instances []ready) balancer.Picker {
	var all, weighty []balancer.Picker
	var weights []float64
	for _, instance := range instances {
		all = append(all, instance.Picker)
		if weight := weightOf(instance.Endpoint); weight > 0 {
			weighty, weights = append(weighty, instance.Picker), append(weights, weight)
		}
	}
	if len(weighty) == 0 {
		return newAliasPicker(all, slices.Repeat([]float64{defaultWeight}, len(all)))
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
