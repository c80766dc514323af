package discovery

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

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
	if cfg.By != "" && cfg.By != ByDNS && cfg.By != ByEndpointSlices {
		return nil, fmt.Errorf("registry.by: must be %s or %s, got %q", ByDNS, ByEndpointSlices, cfg.By)
	}
	known := map[string]place{}
	for _, endpoint := range cfg.Endpoints {
		service, text, _ := strings.Cut(endpoint, "=")
		at := parsePlace(text)
		if err := at.check(service, cfg.By); err != nil {
			return nil, fmt.Errorf("registry.endpoints: must be service=name or service=name.namespace:port, got %q: %w", endpoint, err)
		}
		known[service] = at
	}
	find := places(known)
	if cfg.By == ByEndpointSlices {
		return newBuilder(cfg, func() (Source, error) {
			slices, err := kubernetes.NewSlices()
			if err != nil {
				return nil, err
			}
			return &slicesSource{slices: slices, find: find, zone: cfg.Zone}, nil
		}), nil
	}
	return newBuilder(cfg, func() (Source, error) { return newDNSSource(clusterDNS(), find), nil }), nil
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

// check returns what can't be, of what is said about a service.
func (p place) check(service, by string) error {
	number, err := strconv.ParseUint(p.port, 10, 16)
	numbered := err == nil && number > 0
	switch {
	case service == "":
		return errors.New("it names no service")
	case !isLabel(p.name):
		return fmt.Errorf("%q is no name of a Service", p.name)
	case p.namespace != "" && !isLabel(p.namespace):
		return fmt.Errorf("%q is no namespace", p.namespace)
	case !numbered && by != ByEndpointSlices:
		return fmt.Errorf("the port has to be a number, not %q, when instances are found by %s", p.port, ByDNS)
	case !numbered && len(validation.IsValidPortName(p.port)) > 0:
		return fmt.Errorf("%q is no port", p.port)
	}
	return nil
}

func isLabel(name string) bool { return len(validation.IsDNS1123Label(name)) == 0 }

// headless returns the name of a service's headless Service, for releases that are called like their apps.
func headless(service string) string {
	switch service {
	case "quay.v1.Greeter":
		return "quay-headless"
	}
	name := service[strings.LastIndex(service, ".")+1:]
	return strings.ReplaceAll(strings.ToLower(name), "_", "-") + "-headless"
}
