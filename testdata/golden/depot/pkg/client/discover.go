package client

import (
	"google.golang.org/grpc/resolver"

	"example.com/depot/internal/platform/discovery"
)

const defaultNamespace = "default"

// Shared returns a config whose connections share one connection to the registry, for those who dial several services. It
// is closed with the last of them.
func (c Config) Shared() Config {
	if registry, err := c.registry(); err == nil {
		c.shared = registry
	}
	return c
}

// discover has the registry asked where a service is.
func (c Config) discover(service string) (string, []resolver.Builder) {
	registry, err := c.registry()
	if err != nil {
		return nowhere(service, "no target is configured for it, and "+err.Error())
	}
	namespace := c.Namespace
	if namespace == "" {
		namespace = defaultNamespace
	}
	if err := discovery.CheckNamespace(namespace); err != nil {
		return nowhere(service, "its namespace "+err.Error())
	}
	return discovery.Target(namespace, service), []resolver.Builder{registry}
}

func (c Config) registry() (*discovery.Builder, error) {
	if c.shared != nil {
		return c.shared, nil
	}
	return discovery.Open(discovery.Config{
		Endpoints: c.Endpoints, CacheDir: c.CacheDir,
	})
}
