package faults_test

import (
	"log/slog"
	"testing"
	"time"

	"example.com/harbour/internal/platform/consul"
	"example.com/harbour/internal/platform/registry"
)

const ttl = 3 * time.Second

// checks are the ways in which Consul gets to know whether an instance is alive: most tests are for either.
var checks = []string{registry.CheckTTL, registry.CheckGRPC}

// eachCheck runs a test for each of checks, in parallel.
func eachCheck(t *testing.T, test func(t *testing.T, check string)) {
	t.Parallel()
	for _, check := range checks {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			test(t, check)
		})
	}
}

// register starts a server, and has it registered with the agent at endpoint.
func register(t *testing.T, check, endpoint string) *instance {
	t.Helper()
	return list(t, serve(t), check, endpoint, "")
}

// list registers a server.
func list(t *testing.T, s *server, check, endpoint, token string) *instance {
	t.Helper()
	return listFor(t, s, check, endpoint, token, ttl)
}

// listFor is list with a TTL of the test's own.
func listFor(t *testing.T, s *server, check, endpoint, token string, ttl time.Duration) *instance {
	t.Helper()
	connection, err := consul.NewClient(endpoint, token, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	return registered(t, s, described, func(log *slog.Logger) (*registry.Registrar, error) {
		return registry.NewConsul(connection, namespace, check, ttl, log)
	})
}
