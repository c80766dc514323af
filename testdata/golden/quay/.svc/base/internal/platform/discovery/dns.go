package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
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
	domain string // of Services: svc.cluster.local.
	find   func(namespace, service string) place

	mu   sync.Mutex
	lost map[string]chan struct{} // by place; closed, and forgotten, when a connection to one of its pods is lost
}

// resolvConf is where the kubelet tells a pod which domains to search.
const resolvConf = "/etc/resolv.conf"

// clusterDNS returns the resolver of the pod. Where a name is not a whole one, that the cluster's domain failed would be
// forgotten by default when the name is unknown in those that are searched after it.
func clusterDNS() *net.Resolver { return &net.Resolver{PreferGo: true, StrictErrors: true} }

// clusterDomain returns the domain of the cluster's Services, svc.cluster.local. by default, which is one of those that pods
// search, after that of their namespace. With it a name is a whole one, which the cluster alone is asked for. Otherwise the
// names of Services without pods, which the cluster doesn't know, would be looked for outside of it; and where nobody
// answers there, it would seem to be the cluster that doesn't.
func clusterDomain(resolvConf string) string {
	for line := range strings.Lines(resolvConf) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "search" {
			continue
		}
		for _, domain := range fields[1:] {
			ofNamespace := func(other string) bool { return strings.HasSuffix(other, "."+domain) } // which may be named svc itself
			if strings.HasPrefix(domain, "svc.") && slices.ContainsFunc(fields[1:], ofNamespace) {
				return strings.TrimSuffix(domain, ".") + "."
			}
		}
	}
	return "svc" // as elsewhere
}

func newDNSSource(lookUp lookUp, domain string, find func(namespace, service string) place) *dnsSource {
	return &dnsSource{lookUp: lookUp, domain: domain, find: find, lost: map[string]chan struct{}{}}
}

// Follow implements Source.
func (s *dnsSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	at := s.find(namespace, service)
	for ctx.Err() == nil {
		lost := s.untilLost(at.String()) // counts from here on: what DNS is asked now may not be told of it yet
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
	at := s.find(namespace, service).String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if lost, ok := s.lost[at]; ok {
		close(lost)
		delete(s.lost, at)
	}
}

func (s *dnsSource) untilLost(at string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.lost[at]; !ok {
		s.lost[at] = make(chan struct{})
	}
	return s.lost[at]
}

// ask returns the pods.
func (s *dnsSource) ask(ctx context.Context, at place) ([]Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	var all []netip.Addr
	for _, name := range at.names {
		found, err := s.pods(ctx, name+"."+at.namespace+"."+s.domain)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	var instances []Instance
	for _, addr := range slices.Compact(all) {
		instances = append(instances, Instance{Addr: net.JoinHostPort(addr.String(), at.port)})
	}
	return instances, nil
}

// pods returns those of a Service by their IPv4 addresses, if they have any: with both families there would be two of each.
// The families are asked for one after the other, because of two answers to one lookup Go may forget the one that is an
// error.
func (s *dnsSource) pods(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := s.addresses(ctx, "ip4", host)
	if err == nil && len(found) == 0 {
		found, err = s.addresses(ctx, "ip6", host)
	}
	return found, err
}

// addresses returns those of one family. A name that is not there is what a Service without any looks like.
func (s *dnsSource) addresses(ctx context.Context, family, host string) ([]netip.Addr, error) {
	found, err := s.lookUp.LookupNetIP(ctx, family, host)
	var failed *net.DNSError
	unknown := errors.As(err, &failed) && failed.IsNotFound
	if err != nil && !unknown {
		return nil, err
	}
	for i, addr := range found {
		found[i] = addr.Unmap()
	}
	return found, nil
}

// Close implements Source.
func (*dnsSource) Close() error { return nil }
