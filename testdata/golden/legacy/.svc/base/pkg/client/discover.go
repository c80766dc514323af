package client

import (
	"google.golang.org/grpc/resolver"

	"example.com/billing/v2/internal/platform/discovery"
)

const defaultNamespace = "default"

// Shared returns a config whose connections share one connection to etcd, for those who dial several services. It is
// closed with the last of them.
func (c Config) Shared() Config {
	c.etcd = discovery.NewBuilder(c.Endpoints, c.CacheDir)
	return c
}

// discover has the registry asked where a service is.
func (c Config) discover(service string) (string, []resolver.Builder) {
	if len(c.Endpoints) == 0 {
		return nowhere(service, "neither a registry nor a target is configured for it")
	}
	if c.etcd == nil {
		c = c.Shared()
	}
	namespace := c.Namespace
	if namespace == "" {
		namespace = defaultNamespace
	}
	return discovery.Target(namespace, service), []resolver.Builder{c.etcd}
}
