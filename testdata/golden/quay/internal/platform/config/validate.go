package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/quay/internal/platform/balancing"
	"example.com/quay/internal/platform/discovery"
)

const (
	// minTTL is the shortest time that registries can be relied on to honour.
	minTTL = 2 * time.Second

	// maxWeight is more than anybody needs, and the most that Consul takes.
	maxWeight = 65_535
)

// validate returns everything that is wrong with the values, not only the first.
func (c Config) validate() error {
	return errors.Join(
		checkEnvironment(c.Environment),
		checkAddr("server.grpc.addr", c.Server.GRPC.Addr),
		checkAddr("server.admin.addr", c.Server.Admin.Addr),
		checkAdvertise(c.Server.Advertise),
		check(c.Server.GRPC.Timeout >= 0, "server.grpc.timeout", c.Server.GRPC.Timeout, "must not be negative"),
		check(c.Server.GRPC.MaxMessageBytes > 0, "server.grpc.max_message_bytes", c.Server.GRPC.MaxMessageBytes, "must be at least 1"),
		check(c.Server.GRPC.MaxStreams > 0, "server.grpc.max_streams", c.Server.GRPC.MaxStreams, "must be at least 1"),
		check(c.Server.GRPC.MaxConnectionAge >= 0, "server.grpc.max_connection_age", c.Server.GRPC.MaxConnectionAge, "must not be negative"),
		check(c.Shutdown.Drain >= 0, "shutdown.drain", c.Shutdown.Drain, "must not be negative"),
		check(c.Shutdown.Timeout > 0, "shutdown.timeout", c.Shutdown.Timeout, "must be more than 0s"),
		check(c.Health.Interval > 0, "health.interval", c.Health.Interval, "must be more than 0s"),
		check(c.Health.Timeout > 0, "health.timeout", c.Health.Timeout, "must be more than 0s"),
		check(c.Health.Failures > 0, "health.failures", c.Health.Failures, "must be at least 1"),
		check(c.Health.Successes > 0, "health.successes", c.Health.Successes, "must be at least 1"),
		c.Registry.checkNamespace(),
		check(c.Registry.TTL >= minTTL, "registry.ttl", c.Registry.TTL, "must be at least "+minTTL.String()),
		check(c.Registry.TTL%time.Second == 0, "registry.ttl", c.Registry.TTL, "must be whole seconds"),
		check(c.Registry.Weight >= 0 && c.Registry.Weight <= maxWeight, "registry.weight", c.Registry.Weight, "must be from 0 to "+strconv.Itoa(maxWeight)),
		c.Client.validate(),
		c.Registry.checkDiscovery(),
		c.checkMetadata(),
		check(c.Log.Format == "json" || c.Log.Format == "text", "log.format", c.Log.Format, "must be json or text"),
	)
}

func check(ok bool, key string, value any, problem string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s: %s, got %q", key, problem, fmt.Sprint(value))
}

func checkAddr(key, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%s: must be host:port or :port, got %q", key, addr)
	}
	return nil
}

// checkAdvertise wants what others can dial: an address to listen on, such as :9090, leads them to themselves.
func checkAdvertise(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, "1" // without a port
	}
	number, err := strconv.ParseUint(port, 10, 16)
	ok := host != "" && !strings.ContainsAny(host, "/ ") && err == nil && number > 0
	return check(ok || addr == "", "server.advertise", addr, "must be a host, or host:port")
}

// checkEnvironment keeps the name fit for being part of a file name.
func checkEnvironment(name string) error {
	ok := regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]*$`).MatchString(name)
	return check(ok, "environment", name, "must be letters, digits, - and _")
}

func (r Registry) checkNamespace() error {
	if err := discovery.CheckNamespace(r.Namespace); err != nil {
		return fmt.Errorf("registry.namespace: %w", err)
	}
	return nil
}

// checkDiscovery reads what is said about other services as those who look for them will.
func (r Registry) checkDiscovery() error {
	_, err := discovery.Open(discovery.Config{Endpoints: r.Endpoints, By: r.By})
	return err
}

// checkMetadata wants instances that say what they are, where calls go by it.
func (c Config) checkMetadata() error {
	if c.Registry.By == discovery.ByEndpointSlices {
		return nil
	}
	return errors.Join(
		eachService("client.balancing", c.Client.Balancing, func(policy string) error {
			if policy != balancing.Weighted {
				return nil
			}
			return fmt.Errorf("DNS tells no weights: %s needs registry.by %s", policy, discovery.ByEndpointSlices)
		}),
		eachService("client.canary", c.Client.Canary, func(string) error {
			return fmt.Errorf("DNS tells no versions: a canary needs registry.by %s", discovery.ByEndpointSlices)
		}),
	)
}
