package registry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"example.com/harbour/internal/platform/consul"
)

const (
	ttl   = 1200 * time.Millisecond
	soon  = 10 * time.Second // for what is not to take that long
	addr  = "10.0.0.1:9090"
	first = "a.v1.A-" + addr // ids
	other = "b.v1.B-" + addr
)

// lister is a Consul under test, whose List runs until the test ends.
type lister struct {
	*Consul
	log    *bytes.Buffer
	listed chan bool
	ended  chan error
	stop   context.CancelFunc
}

func newLister(t *testing.T, a *agent, check, token string) *lister {
	t.Helper()
	client, err := consul.NewClient(a.url, token, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	return &lister{
		Consul: newConsul(client, "prod", check, ttl, slog.New(slog.NewTextHandler(log, nil))),
		log:    log, listed: make(chan bool, 100), ended: make(chan error, 1),
	}
}

// list has an instance listed.
func list(t *testing.T, a *agent, check string) *lister {
	t.Helper()
	l := newLister(t, a, check, "")
	l.start(t)
	l.await(t)
	return l
}

func (l *lister) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		l.ended <- l.List(ctx, Instance{
			Services: []string{"a.v1.A", "b.v1.B"}, Addr: addr,
			Metadata: map[string]string{"app": "shop", "weight": "3", "zone": "no\xfftext"},
		}, func() { l.listed <- true })
	})
	l.stop = func() { cancel(); running.Wait() }
	t.Cleanup(l.stop)
}

// await waits until the instance is listed, from now on.
func (l *lister) await(t *testing.T) {
	t.Helper()
	for len(l.listed) > 0 {
		<-l.listed
	}
	select {
	case <-l.listed:
	case err := <-l.ended:
		t.Fatalf("ended: %v", err)
	case <-time.After(soon):
		t.Fatal("not listed")
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for start := time.Now(); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > soon {
			t.Fatal(what)
		}
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	l := list(t, a, CheckGRPC)
	got := a.find(first)
	if got == nil {
		t.Fatalf("not listed: %v", slices.Collect(maps.Keys(a.services)))
	}
	if got.Name != "a.v1.A" || got.Address != "10.0.0.1" || got.Port != 9090 || !slices.Equal(got.Tags, []string{"prod"}) {
		t.Errorf("got %+v", got)
	}
	if want := map[string]string{"app": "shop", "weight": "3", "zone": "no\uFFFDtext", instanceID: l.id}; !maps.Equal(got.Meta, want) {
		t.Errorf("meta is %v, want %v", got.Meta, want)
	}
	if got.Weights == nil || got.Weights.Passing != 3 {
		t.Errorf("weights are %+v", got.Weights)
	}
	want := api.AgentServiceCheck{
		Status: "passing", GRPC: addr + "/a.v1.A", Interval: "1s", Timeout: "1s", FailuresBeforeCritical: 2,
		DeregisterCriticalServiceAfter: "1m0s",
	}
	if check := got.Check; check.Status != want.Status || check.GRPC != want.GRPC || check.Interval != want.Interval ||
		check.Timeout != want.Timeout || check.FailuresBeforeCritical != 2 || check.TTL != "" ||
		check.DeregisterCriticalServiceAfter != want.DeregisterCriticalServiceAfter {
		t.Errorf("check is %+v, want %+v", check, want)
	}
}

// TestReap has Consul forget who is dead after six TTLs, or what it takes at least.
func TestReap(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[time.Duration]string{10 * time.Second: "1m0s", 20 * time.Second: "2m0s"} {
		for _, check := range []string{CheckGRPC, CheckTTL} {
			c := &Consul{check: check, ttl: ttl}
			if got := c.newCheck("a.v1.A", addr).DeregisterCriticalServiceAfter; got != want {
				t.Errorf("%s, %v: got %q, want %q", check, ttl, got, want)
			}
		}
	}
}

func TestTellsThatItIsAlive(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	list(t, a, CheckTTL)
	if check := a.find(other).Check; check.TTL != ttl.String() || check.GRPC != "" || check.Status != "passing" {
		t.Errorf("check is %+v", check)
	}
	eventually(t, "it does not tell", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.beats >= 4
	})
}

func TestPutsBackWhatIsLost(t *testing.T) {
	t.Parallel()
	for _, check := range []string{CheckGRPC, CheckTTL} {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			a := startAgent(t)
			l := list(t, a, check)
			harms := map[string]func(){
				"forgotten":    func() { clear(a.services) },
				"one is gone":  func() { delete(a.services, other) },
				"tags changed": func() { a.services[first].Tags = []string{"x"} },
				"check gone":   func() { a.services[first].Check = nil },
				"meta changed": func() { a.services[first].Meta["weight"] = "4" },
				"name changed": func() { a.services[first].Name = "x" },
				"weight gone":  func() { a.services[first].Weights = nil },
				"replaced by one that says nothing": func() {
					a.services[first] = &api.AgentServiceRegistration{ID: first, Name: "x", Tags: []string{"prod"}}
				},
			}
			for name, harm := range harms {
				a.do(harm)
				eventually(t, name, func() bool {
					one, two := a.find(first), a.find(other)
					return one != nil && two != nil && one.Meta[instanceID] == l.id && slices.Equal(one.Tags, []string{"prod"}) &&
						one.Name == "a.v1.A" && one.Check != nil && one.Meta["weight"] == "3" && one.Weights != nil
				})
			}
		})
	}
}

func TestStandsByWhileAnotherProcessIsListed(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	old := list(t, a, CheckTTL)
	young := list(t, a, CheckTTL)
	select {
	case err := <-old.ended:
		if !errors.Is(err, ErrTaken) {
			t.Errorf("got %v", err)
		}
	case <-time.After(soon):
		t.Fatal("it does not see the other one")
	}
	if got := a.find(first); got == nil || got.Meta[instanceID] != young.id {
		t.Errorf("it takes the other one's entry: %+v", got)
	}
	old.start(t)
	if err := <-old.ended; !errors.Is(err, ErrTaken) {
		t.Errorf("again: got %v", err)
	}
	a.do(func() { a.critical[first], a.critical[other] = "it is dead", "it is dead" })
	old.start(t)
	old.await(t)
	if got := a.find(first); got.Meta[instanceID] != old.id {
		t.Errorf("it does not take over: %+v", got)
	}
}

func TestSaysThatConsulFindsItUnhealthy(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	l := list(t, a, CheckGRPC)
	a.do(func() { a.critical[first] = "connection refused" })
	<-time.After(3 * ttl) // a time for mistakes
	a.do(func() { delete(a.critical, first) })
	l.await(t)
	l.stop()
	for _, said := range []string{"connection refused", "healthy to Consul again"} {
		if n := strings.Count(l.log.String(), said); n != 1 {
			t.Errorf("%q is said %d times: %s", said, n, l.log)
		}
	}
	a.do(func() {
		if a.puts != 2 {
			t.Errorf("listed %d times, and nothing was lost", a.puts)
		}
	})
}

// TestPutsBackWhatIsUnhealthyAsThat has Consul forget an entry that has been critical for long.
func TestPutsBackWhatIsUnhealthyAsThat(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	l := list(t, a, CheckGRPC)
	a.do(func() { a.critical[first] = "connection refused" })
	for range 2 {
		before := a.looks()
		eventually(t, "seen", func() bool { return a.looks() >= before+2 })
		a.do(func() { delete(a.services, first); delete(a.critical, first) })
		eventually(t, "put back", func() bool { return a.find(first) != nil })
		if got := a.find(first).Check.Status; got != api.HealthCritical {
			t.Errorf("put back as %s", got)
		}
	}
	a.do(func() { clear(a.critical) })
	l.await(t)
	a.do(func() { delete(a.services, first) })
	eventually(t, "put back", func() bool { return a.find(first) != nil })
	if got := a.find(first).Check.Status; got != api.HealthPassing {
		t.Errorf("well again, and put back as %s", got)
	}
}

// TestReplacesACheckOfAnotherKind has an earlier process have left one of its two entries, with a check that it was told.
func TestReplacesACheckOfAnotherKind(t *testing.T) {
	t.Parallel()
	for before, now := range map[string]string{CheckTTL: CheckGRPC, CheckGRPC: CheckTTL, "same": CheckTTL} {
		a := startAgent(t)
		check, want := &api.AgentServiceCheck{TTL: "3s"}, []string{first}
		if before == CheckGRPC {
			check = &api.AgentServiceCheck{GRPC: addr}
		}
		if before == "same" {
			want = nil
		}
		a.services[first] = &api.AgentServiceRegistration{ID: first, Check: check}
		list(t, a, now).stop()
		if !slices.Equal(a.unchecked, want) {
			t.Errorf("%s, then %s: deregistered %v", before, now, a.unchecked)
		}
	}
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	l := list(t, a, CheckTTL)
	a.do(func() { a.services[other].Meta = map[string]string{instanceID: "another"} })
	l.stop()
	if a.find(first) != nil {
		t.Error("it leaves its entry")
	}
	if a.find(other) == nil {
		t.Error("it takes away another's entry")
	}
}

func TestLeavesWhileItIsBeingListed(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	a.stuck = true
	l := newLister(t, a, CheckTTL, "")
	l.start(t)
	eventually(t, "not listed", func() bool { return a.find(first) != nil && a.find(other) != nil })
	l.stop()
	if a.find(first) != nil || a.find(other) != nil {
		t.Error("it leaves entries")
	}
}

func TestGivesUpOnAnAgentThatIsAway(t *testing.T) {
	t.Parallel()
	for _, check := range []string{CheckGRPC, CheckTTL} {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			a := startAgent(t)
			l := list(t, a, check)
			begin := time.Now()
			a.do(func() { a.token = "none has it" })
			select {
			case err := <-l.ended:
				if took := time.Since(begin); took < ttl/3 {
					t.Errorf("after %v: %v", took, err)
				}
			case <-time.After(soon):
				t.Fatal("it does not notice")
			}
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	a := startAgent(t)
	a.token = "secret"
	wrong := newLister(t, a, CheckGRPC, "")
	wrong.start(t)
	if err := <-wrong.ended; err == nil || !strings.Contains(err.Error(), "Permission denied") {
		t.Errorf("got %v", err)
	}
	right := newLister(t, a, CheckGRPC, "secret")
	right.start(t)
	right.await(t)
}

// TestEnterprise has the namespace and the partition of Consul Enterprise in each request: to list, look, tell and leave.
func TestEnterprise(t *testing.T) {
	t.Setenv("CONSUL_NAMESPACE", "team")
	t.Setenv("CONSUL_PARTITION", "eu")
	a := startAgent(t)
	l := list(t, a, CheckTTL)
	l.await(t)
	l.stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	kinds := map[string]bool{}
	for _, r := range a.asked {
		kinds[r.Pattern] = true
		if q := r.URL.Query(); q.Get("ns") != "team" || q.Get("partition") != "eu" {
			t.Errorf("%s: got %v", r.URL.Path, q)
		}
	}
	if len(kinds) != 5 {
		t.Errorf("asked were only %v", slices.Collect(maps.Keys(kinds)))
	}
}

func TestWeights(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"1": 1, "65535": 65535, "65536": 0, "0": 0, "-1": 0, "x": 0, "": 0} {
		got := weights(text)
		if (got == nil) != (want == 0) || got != nil && got.Passing != want {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
