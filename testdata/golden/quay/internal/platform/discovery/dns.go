package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"example.com/quay/internal/platform/backoff"
)

const (
	// lookUpEvery is how often names are looked up at least. Cluster DNS keeps its answers for 5s.
	lookUpEvery = 10 * time.Second

	// lookUpRest is the longest rest after a lookup, whatever happens to connections.
	lookUpRest = time.Second

	lookUpTimeout = 3 * time.Second
)

// lookUp is the part of net.Resolver that is used.
type lookUp interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dnsSource is the cluster's DNS as a Source: the name of a headless Service has the addresses of the pods that are ready.
// It is looked up all the time, and when a connection is lost. gRPC's own resolver does only the latter, and keeps new
// pods waiting for it.
type dnsSource struct {
	lookUp lookUp
	find   func(namespace, service string) place

	mu   sync.Mutex
	lost map[place]chan struct{} // closed, and forgotten, when a connection to one of its pods is lost
}

// clusterDNS returns the resolver of the pod. A name is looked up in the domains that the pod searches, one of which is the
// cluster's: by default, that this one failed is forgotten when the name is unknown in those that come after it.
func clusterDNS() *net.Resolver { return &net.Resolver{PreferGo: true, StrictErrors: true} }

func newDNSSource(lookUp lookUp, find func(namespace, service string) place) *dnsSource {
	return &dnsSource{lookUp: lookUp, find: find, lost: map[place]chan struct{}{}}
}

// Follow implements Source.
func (s *dnsSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	at := s.find(namespace, service)
	for ctx.Err() == nil {
		lost := s.untilLost(at) // counts from here on: what DNS is asked now may not be told of it yet
		found, err := s.ask(ctx, at)
		if err != nil {
			return fmt.Errorf("look up %s: %w", at, err)
		}
		tell(found)
		backoff.Wait(ctx, backoff.Jitter(lookUpRest))
		select {
		case <-lost:
		case <-time.After(backoff.Jitter(lookUpEvery - lookUpRest)):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// Lost implements Told.
func (s *dnsSource) Lost(namespace, service string) {
	at := s.find(namespace, service)
	s.mu.Lock()
	defer s.mu.Unlock()
	if lost, ok := s.lost[at]; ok {
		close(lost)
		delete(s.lost, at)
	}
}

func (s *dnsSource) untilLost(at place) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.lost[at]; !ok {
		s.lost[at] = make(chan struct{})
	}
	return s.lost[at]
}

// ask returns the pods, by their IPv4 addresses if they have any: with both families there would be two of each pod. The
// families are asked for one after the other, because of two answers to one lookup Go may forget the one that is an error.
func (s *dnsSource) ask(ctx context.Context, at place) ([]Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	found, err := s.addresses(ctx, "ip4", at)
	if err == nil && len(found) == 0 {
		found, err = s.addresses(ctx, "ip6", at)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, netip.Addr.Compare)
	var instances []Instance
	for _, addr := range slices.Compact(found) {
		instances = append(instances, Instance{Addr: net.JoinHostPort(addr.String(), at.port)})
	}
	return instances, nil
}

// addresses returns those of one family. A name that is not there is what a Service without any looks like.
func (s *dnsSource) addresses(ctx context.Context, family string, at place) ([]netip.Addr, error) {
	found, err := s.lookUp.LookupNetIP(ctx, family, at.name+"."+at.namespace+".svc")
	var failed *net.DNSError
	if errors.As(err, &failed) && failed.IsNotFound {
		return nil, nil
	}
	for i, addr := range found {
		found[i] = addr.Unmap()
	}
	return found, err
}

// Close implements Source.
func (*dnsSource) Close() error { return nil }
