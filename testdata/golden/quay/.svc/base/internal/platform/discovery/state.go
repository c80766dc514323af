package discovery

import (
	"maps"
	"slices"

	"google.golang.org/grpc/resolver"
)

func equal(a, b []Instance) bool {
	return slices.EqualFunc(a, b, func(x, y Instance) bool { return x.Addr == y.Addr && maps.Equal(x.Metadata, y.Metadata) })
}

// state is how gRPC is told.
func state(instances []Instance) resolver.State {
	endpoints := make([]resolver.Endpoint, 0, len(instances))
	for _, instance := range instances {
		endpoints = append(endpoints, instance.Endpoint())
	}
	return resolver.State{Endpoints: endpoints}
}
