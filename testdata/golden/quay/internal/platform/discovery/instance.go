// Package discovery finds the instances of services, for gRPC. Open, which each registry has its own of, returns what to
// pass to grpc.WithResolvers.
package discovery

import (
	"maps"

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

// Endpoint is the instance as gRPC wants it told. Metadata goes with the endpoint, not with its address: connections
// survive a change of it.
func (i Instance) Endpoint() resolver.Endpoint {
	return resolver.Endpoint{
		Addresses:  []resolver.Address{{Addr: i.Addr}},
		Attributes: attributes.New(metadataKey{}, i.Metadata),
	}
}

// MetadataOf returns what the instance at an endpoint says about itself. It is for balancers.
func MetadataOf(endpoint resolver.Endpoint) Metadata {
	m, _ := endpoint.Attributes.Value(metadataKey{}).(Metadata)
	return m
}
