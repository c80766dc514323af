package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"

	"example.com/harbour/internal/platform/backoff"
	"example.com/harbour/internal/platform/consul"
)

// How Consul gets to know whether a listed instance is alive.
const (
	CheckGRPC = "grpc" // it asks, by gRPC's health checks
	CheckTTL  = "ttl"  // it is told
)

const (
	// turns is how often an instance is looked after within its TTL. A request that is lost on the way costs one, and so
	// does the pause after it: there is one left to be in time.
	turns = 4

	// leaveTimeout is shorter than what an app has for leaving.
	leaveTimeout = time.Second
)

// Consul lists an instance with an agent of Consul: one Consul service for each gRPC service, called alike, with the
// namespace for a tag and the metadata for its meta. Its id is the service and the address, so that an app that is started
// again replaces what a crash has left behind.
//
// Of two processes that are told to advertise one address, the one that started last is listed. The other stands by,
// and takes over when that is gone.
type Consul struct {
	client    *consul.Client
	namespace string
	check     string
	ttl       time.Duration
	log       *slog.Logger

	id     string                  // of the process, which an address may not be
	listed bool                    // has been, at least once
	mine   atomic.Pointer[entries] // which the agent may have
	ailing string                  // what Consul's check has found, as logged
}

// NewConsul returns a registry that uses client, and closes it in the end. check is CheckGRPC or CheckTTL.
func NewConsul(client *consul.Client, namespace, check string, ttl time.Duration, log *slog.Logger) (*Registrar, error) {
	log = log.With("consul", client.Endpoint, "namespace", namespace)
	return NewRegistrar(newConsul(client, namespace, check, ttl, log), ttl, log)
}

func newConsul(client *consul.Client, namespace, check string, ttl time.Duration, log *slog.Logger) *Consul {
	return &Consul{client: client, namespace: namespace, check: check, ttl: ttl, log: log, id: rand.Text()}
}

// Close implements Lister. An end that comes between two attempts leaves entries to it.
func (c *Consul) Close() error {
	c.leave()
	return c.client.Close()
}

func (c *Consul) leave() {
	entries := c.mine.Swap(nil)
	if entries == nil {
		return
	}
	if err := entries.remove(); err != nil {
		c.log.Info("still registered, until the check fails", "addr", entries.addr(), "error", err)
	}
}

// List implements Lister.
func (c *Consul) List(ctx context.Context, instance Instance, listed func()) error {
	entries, err := c.entries(instance)
	if err != nil {
		return err
	}
	c.mine.Store(entries)
	err = c.keep(ctx, entries, listed)
	if ctx.Err() != nil || errors.Is(err, ErrTaken) { // else it will be back, and replaces what is there
		c.leave()
	}
	return err
}

// keep lists the entries, and holds them. The first time, what is there was left by a process that is no more.
func (c *Consul) keep(ctx context.Context, entries *entries, listed func()) error {
	if c.listed {
		if _, err := entries.look(ctx); err != nil {
			return err
		}
	} else if err := entries.clear(ctx); err != nil {
		return err
	}
	if err := entries.put(ctx, entries.all, c.lastSeen()); err != nil {
		return err
	}
	if err := c.beat(ctx, entries); err != nil { // a check that is there may be critical still
		return err
	}
	c.listed = true
	listed()
	return c.hold(ctx, entries, listed)
}

// hold tells the agent that the instance is alive, where it is told, and looks about once per TTL whether the agent still
// lists it: one that is started anew has forgotten. It returns when that is not to be known for longer.
func (c *Consul) hold(ctx context.Context, entries *entries, listed func()) error {
	looked := time.Now()
	for {
		backoff.Wait(ctx, c.ttl/turns)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.beat(ctx, entries); err == nil && time.Since(looked) < c.ttl-c.ttl/turns {
			continue
		}
		healthy, err := c.repair(ctx, entries)
		switch {
		case errors.Is(err, ErrTaken), err != nil && time.Since(looked) > c.ttl+c.ttl/turns:
			return err
		case err != nil:
			continue
		case healthy:
			listed()
		}
		looked = time.Now()
	}
}

func (c *Consul) beat(ctx context.Context, entries *entries) error {
	if c.check != CheckTTL {
		return nil
	}
	return entries.beat(ctx)
}

// repair puts back what somebody has removed or replaced, and reports whether Consul tells others of the instance. Consul
// itself removes what has been critical for long: that is put back as it was.
func (c *Consul) repair(ctx context.Context, entries *entries) (healthy bool, err error) {
	found, err := entries.look(ctx)
	if err != nil {
		return false, err
	}
	if len(found.lost) > 0 {
		if err := entries.put(ctx, found.lost, c.lastSeen()); err != nil {
			return false, err
		}
		c.log.Warn("entries had been removed or replaced, and are there again", "addr", entries.addr())
		return c.ailing == "", nil
	}
	if found.ailing != c.ailing && found.ailing != "" {
		c.log.Warn("registered, but not healthy to Consul, which therefore tells nobody", "addr", entries.addr(), "check", found.ailing)
	}
	if found.ailing == "" && c.ailing != "" {
		c.log.Info("healthy to Consul again", "addr", entries.addr())
	}
	c.ailing = found.ailing
	return found.ailing == "", nil
}

// lastSeen is the status in which Consul's checks were when they were looked at. Before that it is passing: an app
// registers when it serves.
func (c *Consul) lastSeen() string {
	if c.ailing != "" {
		return api.HealthCritical
	}
	return api.HealthPassing
}
