package discovery

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/jetty/internal/platform/mdns"
)

const (
	// defaultInterval is between two questions.
	defaultInterval = 2 * time.Second

	// firstInterval is how long the first question may go unanswered for a service to have no instance. The second one
	// follows.
	firstInterval = 500 * time.Millisecond

	// minMisses is how many questions in a row an instance may miss, whatever it says of itself: datagrams get lost.
	minMisses = 3

	// maxTTL limits how long an instance stays that is not heard of any more, and most how many there are: anybody can make
	// them up.
	maxTTL = 2 * time.Minute
	most   = 1000
)

var errNoEndpoints = errors.New("registry.endpoints is empty")

// Open returns a builder that asks on the networks which cfg.Endpoints, network interfaces, are on.
func Open(cfg Config) (*Builder, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, errNoEndpoints
	}
	source := mdnsSource{interfaces: cfg.Endpoints, interval: cmp.Or(cfg.Interval, defaultInterval)}
	return newBuilder(cfg, func() (Source, error) { return source, nil }), nil
}

// mdnsSource is the local network as a Source. Nobody there tells of changes: it asks again and again, and an instance is
// gone when it has not answered for its TTL.
type mdnsSource struct {
	interfaces []string
	interval   time.Duration
}

// Close implements Source.
func (mdnsSource) Close() error { return nil }

// Follow implements Source.
func (s mdnsSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	conn, err := mdns.Listen(s.interfaces)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it has no error that matters by now
	around := sightings{}
	told := false
	update := func() { tell(around.instances()); told = true }
	for wait := min(firstInterval, s.interval); ; wait = s.interval {
		err := conn.Query(ctx, namespace, service, wait, func(e mdns.Entry) {
			if around.see(e, time.Now().Add(s.patience(e))) {
				update()
			}
		})
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		if around.forget(time.Now()) || !told {
			update()
		}
	}
}

// patience is how long an entry counts that is not heard of again.
func (s mdnsSource) patience(e mdns.Entry) time.Duration {
	return max(minMisses*s.interval, min(e.TTL, maxTTL))
}

// sightings are the instances that have been heard of, by address.
type sightings map[string]sighting

type sighting struct {
	Instance
	until time.Time
}

// see reports whether what is known has changed.
func (s sightings) see(e mdns.Entry, until time.Time) bool {
	known, ok := s[e.Addr]
	if !ok && len(s) == most {
		return false
	}
	s[e.Addr] = sighting{Instance{Addr: e.Addr, Metadata: e.Metadata}, until}
	return !ok || !maps.Equal(known.Metadata, e.Metadata)
}

// forget reports whether an instance was not heard of for too long.
func (s sightings) forget(now time.Time) bool {
	before := len(s)
	maps.DeleteFunc(s, func(_ string, known sighting) bool { return known.until.Before(now) })
	return len(s) < before
}

// instances returns them in the order of addresses.
func (s sightings) instances() []Instance {
	all := make([]Instance, 0, len(s))
	for _, known := range s {
		all = append(all, known.Instance)
	}
	slices.SortFunc(all, func(a, b Instance) int { return strings.Compare(a.Addr, b.Addr) })
	return all
}
