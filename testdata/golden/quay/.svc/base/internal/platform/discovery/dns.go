package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"example.com/quay/internal/platform/backoff"
)

const (
	// lookUpEvery is how often names are looked up. Cluster DNS keeps its answers for 5s.
	lookUpEvery = 10 * time.Second

	lookUpTimeout = 3 * time.Second
)

// lookUp is the part of net.Resolver that is used.
type lookUp interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// dnsSource is the cluster's DNS as a Source: the name of a headless Service has the addresses of the pods that are ready.
// It is looked up all the time, which gRPC's own resolver only does when a connection is lost: there, new pods have to
// wait for that.
type dnsSource struct {
	lookUp lookUp
	find   func(namespace, service string) place
}

// Follow implements Source.
func (s *dnsSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	at := s.find(namespace, service)
	for ctx.Err() == nil {
		found, err := s.ask(ctx, at)
		if err != nil {
			return fmt.Errorf("look up %s: %w", service, err)
		}
		tell(found)
		backoff.Wait(ctx, backoff.Jitter(lookUpEvery))
	}
	return ctx.Err()
}

// ask returns the pods. A name that is not there is what a Service without any looks like.
func (s *dnsSource) ask(ctx context.Context, at place) ([]Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	hosts, err := s.lookUp.LookupHost(ctx, at.name+"."+at.namespace+".svc")
	var failed *net.DNSError
	if errors.As(err, &failed) && failed.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(hosts)
	var found []Instance
	for _, host := range slices.Compact(hosts) {
		found = append(found, Instance{Addr: net.JoinHostPort(host, at.port)})
	}
	return found, nil
}

// Close implements Source.
func (*dnsSource) Close() error { return nil }
