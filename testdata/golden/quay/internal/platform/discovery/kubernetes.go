package discovery

import (
	"fmt"
	"net"
	"strings"

	"example.com/quay/internal/platform/kubernetes"
)

// By what instances are found.
const (
	ByDNS            = "dns"            // names of headless Services; needs no rights
	ByEndpointSlices = "endpointslices" // the cluster's API; tells of changes at once, and of zones
)

// defaultPort is where the charts of this project have gRPC.
const defaultPort = "9090"

// Open returns a builder that finds the pods of headless Services. cfg.Endpoints say which one a gRPC service is at, where
// that is not as the charts of this project have it, which is <app>-headless:9090:
//
//	acme.pay.v1.Payments=payments-headless
//	acme.pay.v1.Payments=payments-headless.billing:9090
//
// A Service is in the namespace of the target, unless it says another.
func Open(cfg Config) (*Builder, error) {
	known := map[string]place{}
	for _, endpoint := range cfg.Endpoints {
		service, at, ok := strings.Cut(endpoint, "=")
		if !ok || service == "" || at == "" {
			return nil, fmt.Errorf("registry.endpoints: must be service=name or service=name.namespace:port, got %q", endpoint)
		}
		known[service] = parsePlace(at)
	}
	find := places(known)
	switch cfg.By {
	case "", ByDNS:
		return newBuilder(cfg, func() (Source, error) { return newDNSSource(clusterDNS(), find), nil }), nil
	case ByEndpointSlices:
		return newBuilder(cfg, func() (Source, error) {
			slices, err := kubernetes.NewSlices()
			if err != nil {
				return nil, err
			}
			return &slicesSource{slices: slices, find: find, zone: cfg.Zone}, nil
		}), nil
	}
	return nil, fmt.Errorf("instances are found by %s or %s, not by %q", ByDNS, ByEndpointSlices, cfg.By)
}

// place is where a service is in the cluster.
type place struct {
	name      string // of the headless Service
	namespace string // empty: the target's
	port      string // or, with EndpointSlices, its name
}

func (p place) String() string { return p.namespace + "/" + p.name + ":" + p.port }

// places returns what finds the place of a service.
func places(known map[string]place) func(namespace, service string) place {
	return func(namespace, service string) place {
		at, ok := known[service]
		if !ok {
			at = place{name: headless(service), port: defaultPort}
		}
		if at.namespace == "" {
			at.namespace = namespace
		}
		return at
	}
}

func parsePlace(text string) place {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, defaultPort
	}
	name, namespace, _ := strings.Cut(host, ".")
	return place{name: name, namespace: namespace, port: port}
}

// headless returns the name of a service's headless Service, for releases that are called like their apps.
func headless(service string) string {
	switch service {
	case "quay.v1.Greeter":
		return "quay-headless"
	}
	name := service[strings.LastIndex(service, ".")+1:]
	return strings.ReplaceAll(strings.ToLower(name), "_", "-") + "-headless"
}
