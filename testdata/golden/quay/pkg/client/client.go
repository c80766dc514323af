// Package client connects to services of this module by name. Other modules use it through the typed clients below it.
package client

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"

	"example.com/quay/internal/platform/discovery"
)

const (
	maxConnectDelay   = 5 * time.Second // between attempts to connect; grpc-go's own is 120s
	minConnectTimeout = 5 * time.Second

	// Without traffic for pingAfter, an instance is pinged: connections always have a stream open, that of its health. Servers
	// close connections that are pinged more often than every 5 minutes, which is gRPC's default; their clocks may differ.
	pingAfter = 5*time.Minute + 10*time.Second

	// Calls find out sooner: what a call sends, the other side's kernel has to confirm within pingTimeout (TCP_USER_TIMEOUT,
	// which gRPC sets on Linux).
	pingTimeout = 10 * time.Second
)

// Config says how services are found and connected to. The zero value finds none.
type Config struct {
	// Endpoints say where services are, like the key registry.endpoints of an app.
	Endpoints []string

	// Namespace is the part of the registry that services are in. Empty means "default".
	Namespace string

	// CacheDir is where the instances found last are kept on disk, for a start while the registry is away. Empty means a
	// folder below os.UserCacheDir, "none" nowhere.
	CacheDir string

	// By is how instances are found: "dns", or "endpointslices", which alone tells their versions and weights. Empty means
	// "dns".
	By string

	// Zone is where the caller runs: EndpointSlices may say which instances are for it. Empty means all.
	Zone string

	// Targets maps a fully-qualified service name to the gRPC target to dial instead of asking the registry:
	// {"acme.pay.v1.Payments": "dns:///payments:9090"}.
	Targets map[string]string

	// Balancing maps a fully-qualified service name, or "*" for all others, to how calls are spread over its instances:
	// round_robin (the default), weighted, least_request, pick_first or consistent_hash:<metadata key>.
	Balancing map[string]string

	// Subset is how many instances of a service, and of each version of it, are connected to: its own choice of them for
	// each client. 0 means all, as consistent_hash always does.
	Subset int

	// Canary maps a fully-qualified service name to the version of it that gets a share of the calls, as "2.1.0 5%", and
	// those that ask for it in the metadata x-version, which alone "2.1.0" is for.
	Canary map[string]string

	// Breaker keeps calls from methods that are sick. The zero value has none.
	Breaker Breaker

	// Propagate lists the metadata keys that go on from the call that is being served to those that it makes. The request
	// id and the trace always do.
	Propagate []string

	// Credentials secure connections; nil means plain text. See credentials.NewTLS.
	Credentials credentials.TransportCredentials

	shared *discovery.Builder // set by Shared
}

// Dial returns a connection to the service with that fully-qualified name. It does not wait for the service: one that
// can't be found or reached fails the calls, with codes.Unavailable, until it can.
//
// serviceConfig is the gRPC service config, in JSON, that the service's contract asks for. extra options win over
// Dial's own. The caller closes the connection.
func Dial(cfg Config, service, serviceConfig string, extra ...grpc.DialOption) (*grpc.ClientConn, error) {
	target, find := cfg.find(service)
	complete, err := cfg.serviceConfig(service, serviceConfig)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", service, err)
	}
	around, err := cfg.around(service)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", service, err)
	}
	options := []grpc.DialOption{
		grpc.WithResolvers(find...),
		grpc.WithTransportCredentials(cfg.credentials()),
		grpc.WithDefaultServiceConfig(complete),
		grpc.WithDisableServiceConfig(), // from DNS: the contract decides
		grpc.WithConnectParams(connectParams()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout}),
	}
	conn, err := grpc.NewClient(target, slices.Concat(options, around, extra)...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", service, err)
	}
	return conn, nil
}

// find returns the target to dial for a service, and the resolvers that its scheme needs.
func (c Config) find(service string) (target string, find []resolver.Builder) {
	if target, ok := c.Targets[service]; ok {
		return target, nil
	}
	return c.discover(service)
}

func (c Config) credentials() credentials.TransportCredentials {
	if c.Credentials == nil {
		return insecure.NewCredentials()
	}
	return c.Credentials
}

func connectParams() grpc.ConnectParams {
	params := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: minConnectTimeout}
	params.Backoff.MaxDelay = maxConnectDelay
	return params
}
