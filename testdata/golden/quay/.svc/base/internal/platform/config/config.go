// Package config is what the app can be told from outside: its keys, their defaults and where values come from.
//
// Values are taken, later ones winning, from the defaults below, the file named by --config, that file's overlay for
// the environment, environment variables, and --set flags. See Load.
package config

import (
	"log/slog"
	"time"
)

// Config holds every setting of the app. The key of a field is the path of its tags: server.grpc.addr.
type Config struct {
	App         App      `koanf:"-"`
	Environment string   `koanf:"environment"`
	Server      Server   `koanf:"server"`
	Shutdown    Shutdown `koanf:"shutdown"`
	Health      Health   `koanf:"health"`
	Registry    Registry `koanf:"registry"`
	Client      Client   `koanf:"client"`
	Log         Log      `koanf:"log"`
}

// App says what runs. It comes from the build, and can't be configured.
type App struct {
	Name    string
	Version string
}

// Server configures both listeners.
type Server struct {
	GRPC  GRPC  `koanf:"grpc"`
	Admin Admin `koanf:"admin"`

	// Advertise is the address that other services are given, as host or host:port. Empty means the address listened
	// on or, when that is a wildcard, POD_IP or the first address of the machine that is not a loopback.
	Advertise string `koanf:"advertise"`

	// Reflection lets tools such as grpcurl ask for the contract. Turn it off where strangers can connect.
	Reflection bool `koanf:"reflection"`
}

// GRPC configures the gRPC listener.
type GRPC struct {
	// Addr is the address to listen on; port 0 takes any free one.
	Addr string `koanf:"addr"`

	// Timeout is the deadline of a unary call whose caller set none; 0 means none.
	Timeout time.Duration `koanf:"timeout"`

	// MaxMessageBytes limits one message, in either direction.
	MaxMessageBytes int `koanf:"max_message_bytes"`

	// MaxStreams limits the calls in flight on one connection.
	MaxStreams uint32 `koanf:"max_streams"`

	// MaxConnectionAge is when a connection is asked to reconnect, which spreads callers behind a plain load balancer
	// over new instances; calls in flight are left to finish. 0 means never.
	MaxConnectionAge time.Duration `koanf:"max_connection_age"`
}

// Admin configures the listener for operators: /metrics, /healthz, /readyz.
type Admin struct {
	// Addr is the address to listen on; port 0 takes any free one.
	Addr string `koanf:"addr"`

	// PProf serves /debug/pprof/ as well.
	PProf bool `koanf:"pprof"`
}

// Shutdown says how long the steps of a shutdown may take. Together with about 6s for those that have no key (the
// registry, handlers that were cut off, telemetry) they have to fit into what the platform grants (Kubernetes:
// terminationGracePeriodSeconds, 30s).
type Shutdown struct {
	// Drain is how long calls are still taken after the app has left the registry: the time that callers who watch it, or
	// load balancers, need to notice. Without, a call may be sent to an instance that has just gone.
	Drain time.Duration `koanf:"drain"`

	// Timeout is how long calls in flight may take to finish before they are cut off.
	Timeout time.Duration `koanf:"timeout"`
}

// Health says how what the app can't serve without is checked: see App.Check.
type Health struct {
	// Interval is how often. A check that takes long is made less often: for a tenth of the time.
	Interval time.Duration `koanf:"interval"`

	// Timeout ends a check, which has failed then.
	Timeout time.Duration `koanf:"timeout"`

	// Failures is how many checks in a row have to fail for the app to say that it should not be called. Until then what
	// is checked is suspect, which metrics and log show.
	Failures int `koanf:"failures"`

	// Successes is how many have to succeed then, for the app to say that it can be called.
	Successes int `koanf:"successes"`
}

// Registry configures where the app is registered, and where it finds others.
type Registry struct {
	// Endpoints say where services are that aren't at <app>-headless:9090: acme.pay.v1.Payments=payments-headless.billing:9090.
	Endpoints []string `koanf:"endpoints"`

	// Namespace is that of Kubernetes, which services are in.
	Namespace string `koanf:"namespace"`

	// TTL is how long the app stays listed after it died without saying so. Unused: nothing is registered.
	TTL time.Duration `koanf:"ttl"`

	// Zone is where the app runs: callers may prefer instances that are near.
	Zone string `koanf:"zone"`

	// Weight is the share of calls that the app is to get, compared with other instances, from callers that mind it.
	// They learn it from the label weight of the headless Service, which the chart has.
	Weight int `koanf:"weight"`

	// CacheDir is the folder that keeps the instances of other services found last, for a start while the registry is
	// away. Empty means below the user's cache folder, if there is one; "none" means nowhere.
	CacheDir string `koanf:"cache_dir"`

	// By is how instances are found: by DNS (dns), which needs no rights, or by the cluster's API (endpointslices), which
	// tells of changes at once, and of versions, weights and zones.
	By string `koanf:"by"`
}

// Client configures calls to other services.
type Client struct {
	// Targets maps a fully-qualified service name to the gRPC target to dial instead of asking the registry:
	// {"acme.pay.v1.Payments": "dns:///payments:9090"}.
	Targets map[string]string `koanf:"targets"`

	// Balancing maps a fully-qualified service name, or "*" for all others, to how calls are spread over its instances:
	// round_robin (the default), weighted, least_request, pick_first or consistent_hash:<metadata key>.
	Balancing map[string]string `koanf:"balancing"`

	// Subset is how many instances of a service, and of each version of it, the app connects to: its own choice of them.
	// 0 means all, as consistent_hash always does.
	Subset int `koanf:"subset"`

	// Canary maps a fully-qualified service name to the version of it that gets a share of the calls, as "2.1.0 5%", and
	// those that ask for it in the metadata x-version, which alone "2.1.0" is for.
	Canary map[string]string `koanf:"canary"`

	// Breaker keeps calls from methods that are sick.
	Breaker Breaker `koanf:"breaker"`

	// Propagate lists the metadata keys that go on from the call that is being served to those that it makes. The request
	// id and the trace always do.
	Propagate []string `koanf:"propagate"`
}

// Breaker says when a method of another service counts as sick: its calls fail at once for a while.
type Breaker struct {
	// Ratio is the share of calls, of those in the last 10 seconds, that have to fail. 0 means that there is no breaker.
	Ratio float64 `koanf:"ratio"`

	// MinCalls is how many calls there have to be for their share to mean something.
	MinCalls uint32 `koanf:"min_calls"`

	// Pause is how long no call is let through. Then a few are, to see how the method is.
	Pause time.Duration `koanf:"pause"`
}

// Log configures what is written to standard error.
type Log struct {
	// Level is the least severe level written: debug, info, warn or error.
	Level slog.Level `koanf:"level"`

	// Format is json or text.
	Format string `koanf:"format"`
}

// Default returns the configuration of an app that is told nothing: it runs on a developer's machine.
func Default() Config {
	return Config{
		Environment: "dev",
		Server: Server{
			GRPC: GRPC{
				Addr:             ":9090",
				Timeout:          30 * time.Second,
				MaxMessageBytes:  4 << 20,
				MaxStreams:       1000,
				MaxConnectionAge: 30 * time.Minute,
			},
			Admin:      Admin{Addr: ":9091"},
			Reflection: true,
		},
		Shutdown: Shutdown{
			Drain:   0,
			Timeout: 20 * time.Second,
		},
		Health: Health{
			Interval:  10 * time.Second, // what is checked is somebody else's, too
			Timeout:   3 * time.Second,
			Failures:  3, // one may be an accident
			Successes: 2,
		},
		Registry: Registry{
			Endpoints: []string{},
			Namespace: "default",
			TTL:       10 * time.Second,
			Weight:    1,
			By:        "dns",
		},
		Client: Client{
			Targets:   map[string]string{},
			Balancing: map[string]string{"*": "round_robin"}, // asks least of instances and of those who look for a fault
			Subset:    0,                                     // a connection to each costs less than uneven shares do, up to some hundred instances
			Canary:    map[string]string{},
			Breaker: Breaker{
				Ratio:    0.8,             // with one of two instances sick, or two of three, calls are still worth their while
				MinCalls: 20,              // with one of two sick, fewer than one in a hundred sets of 20 calls has 16 that fail
				Pause:    2 * time.Second, // an instance that restarts needs about as long
			},
			Propagate: []string{}, // nothing reaches services further on that nobody has thought about
		},
		Log: Log{Level: slog.LevelInfo, Format: "json"},
	}
}
