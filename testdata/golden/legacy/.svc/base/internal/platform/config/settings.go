package config

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// setting is one key as people see it.
type setting struct {
	key   string
	value any
	help  string
}

// settings lists every key of c in the order of --help. A key that is not listed has no environment variable.
func (c Config) settings() []setting {
	return []setting{
		{"environment", c.Environment, "where this runs: selects the file's overlay, shown in registry and telemetry"},
		{"server.grpc.addr", c.Server.GRPC.Addr, "where gRPC is served"},
		{"server.grpc.timeout", c.Server.GRPC.Timeout, "deadline of unary calls that come without one; 0s: none"},
		{"server.grpc.max_message_bytes", c.Server.GRPC.MaxMessageBytes, "limit of one message, either way"},
		{"server.grpc.max_streams", c.Server.GRPC.MaxStreams, "limit of calls in flight per connection"},
		{"server.grpc.max_connection_age", c.Server.GRPC.MaxConnectionAge, "when callers are asked to reconnect; 0s: never"},
		{"server.admin.addr", c.Server.Admin.Addr, "where /metrics, /healthz and /readyz are served"},
		{"server.admin.pprof", c.Server.Admin.PProf, "serve /debug/pprof/ there, too"},
		{"server.advertise", c.Server.Advertise, "address given to other services; empty: found out"},
		{"server.reflection", c.Server.Reflection, "let tools ask for the contract"},
		{"shutdown.drain", c.Shutdown.Drain, "how long calls are still taken after leaving the registry"},
		{"shutdown.timeout", c.Shutdown.Timeout, "how long calls in flight may take to finish"},
		{"health.interval", c.Health.Interval, "how often what the app can't serve without is checked"},
		{"health.timeout", c.Health.Timeout, "how long such a check may take"},
		{"health.failures", c.Health.Failures, "how many in a row make the app not ready"},
		{"health.successes", c.Health.Successes, "how many in a row make it ready again"},
		{"registry.endpoints", strings.Join(c.Registry.Endpoints, ","), "addresses of the registry, separated by commas"},
		{"registry.namespace", c.Registry.Namespace, "separates installations that share a registry"},
		{"registry.ttl", c.Registry.TTL, "how long a dead instance stays listed"},
		{"registry.username", c.Registry.Username, "for a registry that asks who the app is"},
		{"registry.password", c.Registry.Password, "better given as a variable than in a file or a flag"},
		{"registry.tls.ca", c.Registry.TLS.CA, "PEM file that the registry is checked against; empty: the system's"},
		{"registry.tls.cert", c.Registry.TLS.Cert, "PEM file that the app shows to the registry"},
		{"registry.tls.key", c.Registry.TLS.Key, "its key"},
		{"registry.zone", c.Registry.Zone, "where this runs: callers may look at it"},
		{"registry.weight", c.Registry.Weight, "share of calls, compared with other instances, from callers that mind it"},
		{"registry.cache_dir", c.Registry.CacheDir, "where the instances found last are kept; empty: the user's cache; none: nowhere"},
		{"client.targets", pairs(c.Client.Targets), "service=target,...: dialled instead of asking the registry"},
		{"client.balancing", pairs(c.Client.Balancing), "service=policy,...: round_robin, weighted, least_request, pick_first, consistent_hash:<key>"},
		{"client.subset", c.Client.Subset, "how many instances of a service are connected to, of each version; 0: all"},
		{"client.canary", pairs(c.Client.Canary), "service=version share,...: the version that gets a share of the calls: acme.pay.v1.Payments=2.1.0 5%"},
		{"client.breaker.ratio", c.Client.Breaker.Ratio, "share of failed calls that makes calls of a method fail at once for a while; 0: never"},
		{"client.breaker.min_calls", c.Client.Breaker.MinCalls, "calls within 10s for that share to mean something"},
		{"client.breaker.pause", c.Client.Breaker.Pause, "how long no call is let through"},
		{"client.propagate", strings.Join(c.Client.Propagate, ","), "metadata keys that go on to services that are called, separated by commas"},
		{"log.level", strings.ToLower(c.Log.Level.String()), "debug, info, warn or error"},
		{"log.format", c.Log.Format, "json or text"},
	}
}

// variable names the environment variable of a key.
func (l *loader) variable(key string) string {
	return l.prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// envPrefix turns the name of an app into the prefix of its variables: my-shop into MY_SHOP_.
func envPrefix(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name)) + "_"
}

func (l *loader) usage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s [--config FILE] [--set KEY=VALUE]... [--version] [--help]\n\n", l.config.App.Name)
	fmt.Fprintf(&b, "  --config FILE     read FILE (default: $%sCONFIG), then the overlay beside it: config.production.yaml\n", l.prefix)
	fmt.Fprintf(&b, "  --set KEY=VALUE   set one key; wins over variables, which win over files\n\n")
	fmt.Fprintf(&b, "Keys, the variable of server.grpc.addr being %s:\n\n", l.variable("server.grpc.addr"))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range Default().settings() {
		fmt.Fprintf(w, "  %s\t%v\t%s\n", s.key, s.value, s.help)
	}
	w.Flush()
	fmt.Fprintf(&b, "\nOpenTelemetry takes its own variables: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER, ...\n")
	return b.String()
}
