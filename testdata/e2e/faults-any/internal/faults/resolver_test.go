package faults_test

import (
	"context"
	"net/url"
	"sync"
	"testing"

	"google.golang.org/grpc/resolver"

	"example.com/project/internal/leftover"
	"example.com/project/internal/platform/discovery"
)

// resolved is a gRPC connection that only remembers what it is told.
type resolved struct {
	resolver.ClientConn
	mu       sync.Mutex
	addrs    []string
	metadata []discovery.Metadata // of each
	updates  int
}

// resolve has the instances of a service looked for until the test ends.
func resolve(t *testing.T, target string, cfg discovery.Config) *resolved {
	t.Helper()
	conn := &resolved{}
	resolveFor(t, conn, target, cfg)
	return conn
}

// resolveFor is resolve for a connection of the test's own.
func resolveFor(t *testing.T, conn resolver.ClientConn, target string, cfg discovery.Config) {
	t.Helper()
	leftover.ExpectNone(t)
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	builder, err := discovery.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := builder.Build(resolver.Target{URL: *parsed}, conn, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
}

// UpdateState implements resolver.ClientConn.
func (c *resolved) UpdateState(state resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addrs, c.metadata = nil, nil
	for _, endpoint := range state.Endpoints {
		c.addrs = append(c.addrs, endpoint.Addresses[0].Addr)
		c.metadata = append(c.metadata, discovery.MetadataOf(endpoint))
	}
	c.updates++
	return nil
}

// ReportError implements resolver.ClientConn.
func (*resolved) ReportError(error) {}

func (c *resolved) get() (addrs []string, updates int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addrs, c.updates
}

// described is what instances say of themselves: all that apps do.
var described = map[string]string{"app": "faults", "version": "1.2.3", "environment": "test", "zone": "here", "weight": "3"}

// awaitDescribed waits until the only instance of a service is found, and expects all of described to have come with it:
// that is where balancers have it from.
func awaitDescribed(t *testing.T, target string, cfg discovery.Config) {
	t.Helper()
	conn := resolve(t, target, cfg)
	eventually(t, patience, "found", func(context.Context) bool { addrs, _ := conn.get(); return len(addrs) == 1 })
	conn.mu.Lock()
	defer conn.mu.Unlock()
	for key, want := range described {
		if got := conn.metadata[0][key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}
