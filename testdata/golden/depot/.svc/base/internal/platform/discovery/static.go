package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Open returns a builder that knows what cfg.Endpoints say, each of which is an instance of a service:
//
//	acme.pay.v1.Payments=10.0.0.1:9090
//	acme.pay.v1.Payments=10.0.0.2:9090?zone=b&weight=3
//
// What follows the question mark is the instance's metadata. The namespace is of no importance: each environment has a
// configuration of its own. What is configured need not be kept on disk, too.
func Open(cfg Config) (*Builder, error) {
	source := static{}
	for _, endpoint := range cfg.Endpoints {
		service, instance, err := parseEndpoint(endpoint)
		if err != nil {
			return nil, fmt.Errorf("registry.endpoints: must be service=host:port or service=host:port?key=value, got %q: %w", endpoint, err)
		}
		source.add(service, instance)
	}
	cfg.CacheDir = noCache
	return newBuilder(cfg, func() (Source, error) { return source, nil }), nil
}

// static has the instances of services by the services' names.
type static map[string][]Instance

// add keeps one instance per address: the first.
func (s static) add(service string, instance Instance) {
	known := slices.ContainsFunc(s[service], func(other Instance) bool { return other.Addr == instance.Addr })
	if !known {
		s[service] = append(s[service], instance)
	}
}

// Follow implements Source. Nothing ever changes.
func (s static) Follow(ctx context.Context, _, service string, tell func([]Instance)) error {
	tell(s[service])
	<-ctx.Done()
	return ctx.Err()
}

// Close implements Source.
func (static) Close() error { return nil }

func parseEndpoint(text string) (service string, instance Instance, err error) {
	service, rest, _ := strings.Cut(text, "=")
	if service == "" {
		return "", Instance{}, errors.New("it names no service")
	}
	addr, query, _ := strings.Cut(rest, "?")
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return "", Instance{}, err
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", Instance{}, err
	}
	metadata := Metadata{}
	for key := range values {
		metadata[key] = values.Get(key)
	}
	return service, Instance{Addr: addr, Metadata: metadata}, nil
}
