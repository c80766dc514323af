package discovery

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/jetty/internal/platform/mdns"
	"example.com/jetty/internal/platform/mdnstest"
)

// tell serves an entry on this machine.
func tell(t *testing.T, namespace, addr string, metadata map[string]string) *mdns.Server {
	t.Helper()
	entry := mdns.Entry{Namespace: namespace, Service: "a.v1.A", Addr: addr, Metadata: metadata, TTL: time.Second}
	server, err := mdns.Serve([]string{mdnstest.Loopback(t)}, []mdns.Entry{entry}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// followNetwork follows a service until the test ends, and returns how to wait until its addresses are known to be some.
func followNetwork(t *testing.T, namespace string) (await func(addrs ...string) []Instance) {
	t.Helper()
	source := mdnsSource{interfaces: []string{mdnstest.Loopback(t)}, interval: 100 * time.Millisecond}
	told, ended := make(chan []Instance), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		ended <- source.Follow(ctx, namespace, "a.v1.A", func(found []Instance) {
			select {
			case told <- found:
			case <-ctx.Done():
			}
		})
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	limit := time.After(20 * time.Second)
	return func(addrs ...string) []Instance {
		t.Helper()
		for {
			select {
			case found := <-told:
				if slices.EqualFunc(found, addrs, func(i Instance, addr string) bool { return i.Addr == addr }) {
					return found
				}
			case err := <-ended:
				t.Fatal(err)
			case <-limit:
				t.Fatalf("not %v", addrs)
			}
		}
	}
}

func TestMDNSFollows(t *testing.T) {
	t.Parallel()
	namespace := rand.Text()
	await := followNetwork(t, namespace)
	await()
	first := tell(t, namespace, "127.0.0.1:1", map[string]string{"zone": "a"})
	if got := await("127.0.0.1:1"); got[0].Metadata["zone"] != "a" {
		t.Errorf("got %v", got)
	}
	tell(t, namespace+"-b", "127.0.0.1:2", nil)
	tell(t, namespace, "127.0.0.1:3", nil)
	await("127.0.0.1:1", "127.0.0.1:3")
	first.Close()
	await("127.0.0.1:3")
	tell(t, namespace, "127.0.0.1:1", map[string]string{"zone": "b"})
	if got := await("127.0.0.1:1", "127.0.0.1:3"); got[0].Metadata["zone"] != "b" {
		t.Errorf("got %v", got)
	}
}

// TestMDNSKnownEarlier has an instance from before the first question.
func TestMDNSKnownEarlier(t *testing.T) {
	t.Parallel()
	namespace := rand.Text()
	tell(t, namespace, "127.0.0.1:1", nil)
	followNetwork(t, namespace)("127.0.0.1:1")
}

func TestMDNSFailsWithoutANetwork(t *testing.T) {
	source := mdnsSource{interfaces: []string{"none"}, interval: time.Second}
	if err := source.Follow(t.Context(), "a", "a.v1.A", nil); err == nil {
		t.Error("no error")
	}
	if _, err := Open(Config{}); err == nil {
		t.Error("no interface: no error")
	}
}

func TestSightings(t *testing.T) {
	s, now := sightings{}, time.Now()
	a := mdns.Entry{Addr: "a:1", Metadata: map[string]string{"zone": "a"}}
	if !s.see(a, now) || s.see(a, now.Add(time.Second)) {
		t.Error("what is new, and what isn't")
	}
	a.Metadata = map[string]string{"zone": "b"}
	if !s.see(a, now.Add(time.Second)) {
		t.Error("a change is overlooked")
	}
	if s.forget(now.Add(time.Second)) || !s.forget(now.Add(2*time.Second)) || len(s) != 0 {
		t.Error("forgotten too early, or not at all")
	}
	for i := range 2 * most {
		s.see(mdns.Entry{Addr: fmt.Sprintf("a:%d", i)}, now)
	}
	if len(s) != most || len(s.instances()) != most {
		t.Errorf("keeps %d", len(s))
	}
	if !s.see(mdns.Entry{Addr: "a:1", Metadata: map[string]string{"zone": "b"}}, now) {
		t.Error("those that are known do not change any more")
	}
}

func TestMDNSPatience(t *testing.T) {
	source := mdnsSource{interval: 2 * time.Second}
	for ttl, want := range map[time.Duration]time.Duration{
		0: 6 * time.Second, 10 * time.Second: 10 * time.Second, time.Hour: maxTTL,
	} {
		if got := source.patience(mdns.Entry{TTL: ttl}); got != want {
			t.Errorf("%v: got %v, want %v", ttl, got, want)
		}
	}
}
