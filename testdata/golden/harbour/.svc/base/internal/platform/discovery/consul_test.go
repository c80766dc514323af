package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// answer is what a Consul says of a service.
type answer struct {
	status   int // 0 is 200
	index    uint64
	entries  []*api.ServiceEntry
	filtered bool
}

// fakeConsul gives its answers in turn, and then none. It keeps the questions.
type fakeConsul struct {
	url string

	mu      sync.Mutex
	answers []answer
	asked   []*http.Request
}

func startConsul(t *testing.T, answers ...answer) *fakeConsul {
	t.Helper()
	c := &fakeConsul{answers: answers}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *fakeConsul) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.asked = append(c.asked, r)
	if len(c.answers) == 0 {
		c.mu.Unlock()
		<-r.Context().Done()
		return
	}
	next := c.answers[0]
	c.answers = c.answers[1:]
	c.mu.Unlock()
	if next.status != 0 {
		http.Error(w, "no", next.status)
		return
	}
	w.Header().Set("X-Consul-Index", strconv.FormatUint(next.index, 10))
	w.Header().Set("X-Consul-LastContact", "0") // what comes after it is not read without
	if next.filtered {
		w.Header().Set("X-Consul-Results-Filtered-By-ACLs", "true")
	}
	_ = json.NewEncoder(w).Encode(next.entries)
}

// queries returns what was asked, once there were n questions.
func (c *fakeConsul) queries(t *testing.T, n int) []url.Values {
	t.Helper()
	for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		asked := slices.Clone(c.asked)
		c.mu.Unlock()
		if len(asked) < n {
			continue
		}
		var all []url.Values
		for _, r := range asked {
			all = append(all, r.URL.Query())
		}
		return all
	}
	t.Fatalf("not asked %d times", n)
	return nil
}

func entry(addr string, port int, change ...func(*api.ServiceEntry)) *api.ServiceEntry {
	e := &api.ServiceEntry{
		Node:    &api.Node{Address: "10.9.9.9"},
		Service: &api.AgentService{Service: "a.v1.A", Address: addr, Port: port, Tags: []string{"x", "prod"}},
	}
	for _, c := range change {
		c(e)
	}
	return e
}

func TestConsulInstances(t *testing.T) {
	got := instances([]*api.ServiceEntry{
		entry("10.0.0.2", 2, func(e *api.ServiceEntry) { e.Service.Weights.Passing = 5 }),
		entry("10.0.0.1", 1, func(e *api.ServiceEntry) {
			e.Service.Meta, e.Service.ModifyIndex = map[string]string{"version": "old"}, 3
		}),
		entry("10.0.0.1", 1, func(e *api.ServiceEntry) {
			e.Service.Meta = map[string]string{"version": "new", "weight": "2"}
			e.Service.ModifyIndex, e.Service.Weights.Passing = 4, 7
		}),
		entry("", 3),
		entry("::1", 4),
		entry("10.0.0.5", 0),
		entry("10.0.0.6", 6, func(e *api.ServiceEntry) { e.Service.Service = "a.v1.a" }),
		entry("10.0.0.7", 7, func(e *api.ServiceEntry) { e.Service.Tags = []string{"PROD"} }),
		entry("", 8, func(e *api.ServiceEntry) { e.Node = nil }),
		{Node: &api.Node{}},
	}, "prod", "a.v1.A")
	want := []Instance{
		{Addr: "10.0.0.1:1", Metadata: Metadata{"version": "new", "weight": "2"}},
		{Addr: "10.0.0.2:2", Metadata: Metadata{"weight": "5"}},
		{Addr: "10.9.9.9:3"},
		{Addr: "[::1]:4"},
	}
	same := func(a, b Instance) bool { return a.Addr == b.Addr && maps.Equal(a.Metadata, b.Metadata) }
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// followConsul has a source follow a service until the test ends.
func followConsul(t *testing.T, token string, at ...*fakeConsul) (told chan []Instance, ended chan error) {
	t.Helper()
	cfg := Config{Token: token}
	for _, c := range at {
		cfg.Endpoints = append(cfg.Endpoints, c.url)
	}
	source, err := newConsulSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	told, ended = make(chan []Instance, 10), make(chan error, 10)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for range len(at) {
			ended <- source.Follow(ctx, "prod", "a.v1.A", func(found []Instance) { told <- found })
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = source.Close()
	})
	return told, ended
}

func TestConsulIndex(t *testing.T) {
	some := []*api.ServiceEntry{entry("10.0.0.1", 1)}
	c := startConsul(t, answer{index: 7, entries: some}, answer{index: 9, entries: some}, answer{index: 4, entries: some},
		answer{index: 5, entries: some}, answer{index: 5, entries: some})
	followConsul(t, "", c)
	var got []string
	for _, q := range c.queries(t, 6) {
		got = append(got, q.Get("index"))
	}
	if want := []string{"", "7", "9", "", "5", "5"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: back to none after it went backwards", got, want)
	}
}

func TestConsulIndexIsNeverZero(t *testing.T) {
	c := startConsul(t, answer{index: 0}, answer{index: 0})
	followConsul(t, "", c)
	if got := c.queries(t, 3)[1].Get("index"); got != "1" {
		t.Errorf("got %q: without an index there is no wait", got)
	}
}

// TestConsulHasNone has a service without instances: Consul is asked to wait for one, but not for ever.
func TestConsulHasNone(t *testing.T) {
	c := startConsul(t, answer{index: 7}, answer{index: 7}, answer{index: 7, filtered: true})
	_, ended := followConsul(t, "", c)
	if err := <-ended; !errors.Is(err, errFiltered) {
		t.Errorf("got %v", err)
	}
	if got := c.queries(t, 3); got[1].Get("index") != "7" || got[2].Has("index") {
		t.Errorf("got %v", got)
	}
}

func TestConsulIsAskedForTheNamespace(t *testing.T) {
	t.Setenv("CONSUL_NAMESPACE", "team") // of Consul Enterprise, which is another thing
	t.Setenv("CONSUL_PARTITION", "eu")
	c := startConsul(t, answer{index: 7, entries: []*api.ServiceEntry{entry("10.0.0.1", 1)}})
	told, _ := followConsul(t, "secret", c)
	if got := <-told; len(got) != 1 || got[0].Addr != "10.0.0.1:1" {
		t.Errorf("got %v", got)
	}
	queries := c.queries(t, 2)
	if q := queries[0]; q.Get("tag") != "prod" || !q.Has("passing") || !q.Has("stale") {
		t.Errorf("got %v", q)
	}
	if q := queries[0]; q.Get("ns") != "team" || q.Get("partition") != "eu" {
		t.Errorf("got %v", q)
	}
	if got := queries[1].Get("wait"); got != "15000ms" {
		t.Errorf("wait is %q", got)
	}
	if got := c.asked[0].Header.Get("X-Consul-Token"); got != "secret" {
		t.Errorf("token is %q", got)
	}
}

// TestConsulLeavesOut has a token that may not see what is asked for. That is no list without instances.
func TestConsulLeavesOut(t *testing.T) {
	c := startConsul(t, answer{index: 7, filtered: true})
	told, ended := followConsul(t, "", c)
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error")
		}
	case got := <-told:
		t.Errorf("told %v", got)
	}
}

func TestConsulAnotherAgentIsAsked(t *testing.T) {
	broken := startConsul(t, answer{status: http.StatusInternalServerError})
	sound := startConsul(t, answer{index: 1, entries: []*api.ServiceEntry{entry("10.0.0.1", 1)}})
	told, ended := followConsul(t, "", broken, sound)
	if err := <-ended; err == nil {
		t.Error("no error")
	}
	if got := <-told; len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestConsulWithoutEndpoints(t *testing.T) {
	if _, err := Open(Config{}); err == nil {
		t.Error("no error")
	}
}
