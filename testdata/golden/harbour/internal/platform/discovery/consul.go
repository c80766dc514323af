package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"

	"example.com/harbour/internal/platform/backoff"
	"example.com/harbour/internal/platform/consul"
)

const (
	// wait is how long Consul is asked to hold back an answer that is no news. It is short because a connection that was
	// lost without a word is only noticed by the answer that doesn't come.
	wait = 15 * time.Second

	// rest is between two requests. Consul asks for one, lest a service that changes all the time keep everybody busy.
	rest = 200 * time.Millisecond
)

var (
	errNoEndpoints = errors.New("registry.endpoints is empty")
	errFiltered    = errors.New("the token may not read the service, or its nodes")
)

// Open returns a builder that asks the Consul agents at cfg.Endpoints: one of them, and another when that fails. It does
// not connect yet.
func Open(cfg Config) (*Builder, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, errNoEndpoints
	}
	return newBuilder(cfg, func() (Source, error) { return newConsulSource(cfg) }), nil
}

// consulSource is Consul as a Source. An instance of a service is a Consul service of that name whose checks pass, and
// which has the namespace for a tag.
type consulSource struct {
	agents []*consul.Client
	turn   atomic.Int64 // counts failures: whose turn it is follows from it
}

func newConsulSource(cfg Config) (*consulSource, error) {
	s := &consulSource{}
	for _, endpoint := range cfg.Endpoints {
		agent, err := consul.NewClient(endpoint, cfg.Token, slog.Default())
		if err != nil {
			return nil, err
		}
		s.agents = append(s.agents, agent)
	}
	return s, nil
}

// Close implements Source.
func (s *consulSource) Close() error {
	for _, agent := range s.agents {
		_ = agent.Close() // has no error
	}
	return nil
}

// Follow implements Source, by Consul's blocking queries.
func (s *consulSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	turn := s.turn.Load()
	agent := s.agents[int(turn)%len(s.agents)]
	var index uint64
	for ctx.Err() == nil {
		entries, now, err := passing(ctx, agent, namespace, service, index)
		if err != nil {
			s.turn.CompareAndSwap(turn, turn+1) // another service may have found out before
			return fmt.Errorf("find %s in consul: %w", service, err)
		}
		tell(instances(entries, namespace, service))
		if index > 0 && len(entries) == 0 {
			index = 0 // that all was left out because of the token, Consul says only to those who don't wait
		} else {
			index = next(index, now)
		}
		backoff.Wait(ctx, rest)
	}
	return ctx.Err()
}

// passing asks for the entries of a service when there is something new since index, or else when it has waited for long
// enough. Any server may answer, so that there are answers while the servers have no leader.
func passing(ctx context.Context, agent *consul.Client, namespace, service string, index uint64) ([]*api.ServiceEntry, uint64, error) {
	patience := consul.Timeout
	if index > 0 {
		patience += wait + wait/16 // by which Consul spreads answers
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	options := &api.QueryOptions{AllowStale: true, WaitIndex: index, WaitTime: wait}
	entries, meta, err := agent.Health().Service(service, namespace, true, options.WithContext(ctx))
	if err != nil {
		return nil, 0, err
	}
	if len(entries) == 0 && meta.ResultsFilteredByACLs {
		return nil, 0, errFiltered
	}
	return entries, meta.LastIndex, nil
}

// next returns the index to wait for changes after, by the rules that come with blocking queries: one that goes backwards
// is of a Consul that was restored from a backup, and starts anew; and 0 would not wait at all.
func next(last, now uint64) uint64 {
	if now < last {
		return 0
	}
	return max(now, 1)
}

// instances returns where a service can be called, in the order of addresses: of two entries with one address the newer
// one counts.
func instances(entries []*api.ServiceEntry, namespace, service string) []Instance {
	entries = slices.DeleteFunc(entries, func(e *api.ServiceEntry) bool { return !belongs(e, namespace, service) })
	slices.SortFunc(entries, func(a, b *api.ServiceEntry) int {
		return cmp.Or(strings.Compare(addr(a), addr(b)), cmp.Compare(b.Service.ModifyIndex, a.Service.ModifyIndex))
	})
	entries = slices.CompactFunc(entries, func(a, b *api.ServiceEntry) bool { return addr(a) == addr(b) })
	found := make([]Instance, 0, len(entries))
	for _, e := range entries {
		found = append(found, Instance{Addr: addr(e), Metadata: metadata(e)})
	}
	return found
}

// belongs reports whether an entry is what was asked for: upper and lower case is one to Consul, and not to gRPC. An entry
// that can't be called costs itself only.
func belongs(e *api.ServiceEntry, namespace, service string) bool {
	return e.Service != nil && e.Service.Service == service && slices.Contains(e.Service.Tags, namespace) &&
		host(e) != "" && e.Service.Port > 0
}

// host returns where an entry is: at its node unless it has an address itself.
func host(e *api.ServiceEntry) string {
	if e.Service.Address == "" && e.Node != nil {
		return e.Node.Address
	}
	return e.Service.Address
}

func addr(e *api.ServiceEntry) string { return net.JoinHostPort(host(e), strconv.Itoa(e.Service.Port)) }

const weightKey = "weight" // in an instance's metadata

// metadata returns what an entry says about itself. Its weight may also be told in the way that Consul has for it.
func metadata(e *api.ServiceEntry) Metadata {
	m := Metadata{}
	for key, value := range e.Service.Meta {
		m[key] = value
	}
	if weight := e.Service.Weights.Passing; m[weightKey] == "" && weight > 1 {
		m[weightKey] = strconv.Itoa(weight)
	}
	return m
}
