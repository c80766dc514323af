package discovery

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"example.com/quay/internal/platform/kubernetes"
)

// By what instances are found.
const (
	ByDNS            = "dns"            // names of headless Services; needs no rights
	ByEndpointSlices = "endpointslices" // the cluster's API; tells of changes at once, and of what instances are
)

// defaultPort is where the charts of this project have gRPC.
const defaultPort = "9090"

// Open returns a builder that finds the pods of headless Services. cfg.Endpoints say which one a gRPC service is at, where
// that is not as the charts of this project have it, which is <app>-headless:9090:
//
//	acme.pay.v1.Payments=payments-headless
//	acme.pay.v1.Payments=payments-headless.billing:9090
//
// A Service is in the namespace of the target, unless it says another. A gRPC service may be at several Services of one
// namespace and port, such as one for each version of it, with an entry for each.
func Open(cfg Config) (*Builder, error) {
	if cfg.By != "" && cfg.By != ByDNS && cfg.By != ByEndpointSlices {
		return nil, fmt.Errorf("registry.by: must be %s or %s, got %q", ByDNS, ByEndpointSlices, cfg.By)
	}
	find, err := readPlaces(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.By == ByEndpointSlices {
		return newBuilder(cfg, func() (Source, error) {
			api, err := kubernetes.NewSlices()
			if err != nil {
				return nil, err
			}
			return &slicesSource{slices: api, find: find, zone: cfg.Zone}, nil
		}), nil
	}
	return newBuilder(cfg, func() (Source, error) {
		conf, _ := os.ReadFile(resolvConf) // where there is none, nothing is searched, either
		return newDNSSource(clusterDNS(), clusterDomain(string(conf)), find), nil
	}), nil
}

// place is where a service is in the cluster.
type place struct {
	names     []string // of the headless Services
	namespace string   // empty: the target's
	port      string   // or, with EndpointSlices, its name
}

func (p place) String() string { return p.namespace + "/" + strings.Join(p.names, ",") + ":" + p.port }

// places returns what finds the place of a service.
func places(known map[string]place) func(namespace, service string) place {
	return func(namespace, service string) place {
		at, ok := known[service]
		if !ok {
			at = place{names: []string{headless(service)}, port: defaultPort}
		}
		if at.namespace == "" {
			at.namespace = namespace
		}
		return at
	}
}

// readPlaces returns what finds the place of a service, by the entries of cfg.Endpoints.
func readPlaces(cfg Config) (func(namespace, service string) place, error) {
	known := map[string]place{}
	for _, endpoint := range cfg.Endpoints {
		service, text, _ := strings.Cut(endpoint, "=")
		at := parsePlace(text)
		if err := at.check(service, cfg.By); err != nil {
			return nil, fmt.Errorf("registry.endpoints: must be service=name or service=name.namespace:port, got %q: %w", endpoint, err)
		}
		both, ok := known[service].and(at)
		if !ok {
			return nil, fmt.Errorf("registry.endpoints: must have one namespace and port for all entries of a service, got %q beside %s", endpoint, known[service])
		}
		known[service] = both
	}
	return places(known), nil
}

// and returns where a service is that is at both places, unless they differ in more than the name.
func (p place) and(other place) (place, bool) {
	switch {
	case len(p.names) == 0:
		return other, true
	case p.namespace != other.namespace || p.port != other.port:
		return place{}, false
	case !slices.Contains(p.names, other.names[0]):
		p.names = append(p.names, other.names...)
	}
	return p, true
}

func parsePlace(text string) place {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, defaultPort
	}
	name, namespace, _ := strings.Cut(host, ".")
	return place{names: []string{name}, namespace: namespace, port: port}
}

// check returns what can't be, of what one entry says about a service.
func (p place) check(service, by string) error {
	number, err := strconv.ParseUint(p.port, 10, 16)
	numbered := err == nil && number > 0
	switch {
	case service == "":
		return errors.New("it names no service")
	case !isLabel(p.names[0]):
		return fmt.Errorf("%q is no name of a Service", p.names[0])
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
