package discovery

import (
	"maps"
	"slices"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
)

// Instance is where a service can be called.
type Instance struct {
	Addr     string   `json:"addr"`
	Metadata Metadata `json:"metadata,omitempty"`
}

// Metadata is what an instance says about itself: app, version, environment, zone, weight.
type Metadata map[string]string

// Equal reports whether both say the same; gRPC asks.
func (m Metadata) Equal(other any) bool {
	o, ok := other.(Metadata)
	return ok && maps.Equal(m, o)
}

type metadataKey struct{}

// MetadataOf returns what the instance at an endpoint says about itself. It is for balancers.
func MetadataOf(endpoint resolver.Endpoint) Metadata {
	m, _ := endpoint.Attributes.Value(metadataKey{}).(Metadata)
	return m
}

func equal(a, b []Instance) bool {
	return slices.EqualFunc(a, b, func(x, y Instance) bool { return x.Addr == y.Addr && maps.Equal(x.Metadata, y.Metadata) })
}

// state is how gRPC is told. Metadata goes with the endpoint, not with its address: connections survive a change of it.
func state(instances []Instance) resolver.State {
	endpoints := make([]resolver.Endpoint, 0, len(instances))
	for _, instance := range instances {
		endpoints = append(endpoints, resolver.Endpoint{
			Addresses:  []resolver.Address{{Addr: instance.Addr}},
			Attributes: attributes.New(metadataKey{}, instance.Metadata),
		})
	}
	return resolver.State{Endpoints: endpoints}
}
