package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/jetty/internal/platform/backoff"
	"example.com/jetty/internal/platform/mdns"
)

const (
	// turns is how often it is looked within a TTL whether the instance can be heard. Three may fail in a row.
	turns = 4

	// earshot is how long an answer of one's own may take.
	earshot = 500 * time.Millisecond
)

var errUnheard = errors.New("the network does not carry multicast: what the app says there, it does not hear itself")

// MDNS lists an instance by answering those on the local network who ask for its services. There is no server, and nobody
// who could take the instance for dead: it is listed while it can hear itself.
type MDNS struct {
	interfaces []string
	namespace  string
	ttl        time.Duration
	log        *slog.Logger
}

// NewMDNS returns a registry of the networks that the named interfaces are on.
func NewMDNS(interfaces []string, namespace string, ttl time.Duration, log *slog.Logger) (*Registrar, error) {
	log = log.With("mdns", interfaces, "namespace", namespace)
	return NewRegistrar(&MDNS{interfaces: interfaces, namespace: namespace, ttl: ttl, log: log}, ttl, log)
}

// Close implements Lister.
func (*MDNS) Close() error { return nil }

// List implements Lister.
func (m *MDNS) List(ctx context.Context, instance Instance, listed func()) error {
	var entries []mdns.Entry
	for _, service := range instance.Services {
		entries = append(entries, mdns.Entry{
			Namespace: m.namespace, Service: service, Addr: instance.Addr, Metadata: instance.Metadata, TTL: m.ttl,
		})
	}
	server, err := mdns.Serve(m.interfaces, entries, m.log)
	if err != nil {
		return err
	}
	defer server.Close()
	conn, err := mdns.Listen(m.interfaces)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it has no error that matters by now
	return m.hold(ctx, server, conn, entries, listed)
}

// hold returns when the instance has not been heard for a TTL.
func (m *MDNS) hold(ctx context.Context, server *mdns.Server, conn *mdns.Conn, entries []mdns.Entry, listed func()) error {
	last := time.Now()
	for ctx.Err() == nil {
		if err := server.Join(); err != nil {
			return err
		}
		heard, err := hear(ctx, conn, entries)
		switch {
		case err != nil:
			return err
		case heard:
			listed()
			last = time.Now()
		case time.Since(last) > m.ttl:
			return errUnheard
		}
		backoff.Wait(ctx, m.ttl/turns)
	}
	return ctx.Err()
}

// hear asks for the first of entries, as others do: the others are there if that is.
func hear(ctx context.Context, conn *mdns.Conn, entries []mdns.Entry) (heard bool, err error) {
	if len(entries) == 0 {
		return true, nil
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	own := entries[0]
	err = conn.Query(ctx, own.Namespace, own.Service, earshot, func(e mdns.Entry) {
		if e.Addr == own.Addr {
			heard = true
			enough()
		}
	})
	return heard, err
}
