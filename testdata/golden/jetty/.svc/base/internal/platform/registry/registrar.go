package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"example.com/jetty/internal/platform/backoff"
)

// maxSpread is how long a fleet that has lost its entries together takes to come back, lest it come at once.
const maxSpread = 3 * time.Second

// ErrTaken is why an instance isn't listed when another one has its address.
var ErrTaken = errors.New("another instance is registered at this address: is server.advertise the same for both?")

// Lister is a registry, as those see it who are listed: all that a registry has to provide. The rest is done for every
// registry alike, by Registrar. A lister is used for one instance.
type Lister interface {
	// List lists the instance, and keeps it listed. It calls listed each time that the registry is known to have it: the
	// first time, too. It returns why it can't be sure of that any more, having taken back what it has listed as well as
	// it can, and is called again after a pause. Once ctx is done it returns within a second.
	List(ctx context.Context, instance Instance, listed func()) error

	// Close gives back what the lister has taken. List is over by then, unless it is late.
	Close() error
}

// Registrar is a Registry that has a lister list the instance whatever happens.
type Registrar struct {
	lister Lister
	spread time.Duration
	log    *slog.Logger
	status *status

	stop    context.CancelFunc // nil until Register
	stopped chan struct{}
}

// NewRegistrar returns a registry of what lister lists, which it closes in the end. ttl is how long a dead instance stays
// listed: coming back takes a part of it.
func NewRegistrar(lister Lister, ttl time.Duration, log *slog.Logger) (*Registrar, error) {
	status, err := newStatus()
	if err != nil {
		return nil, err
	}
	return &Registrar{
		lister: lister, spread: min(maxSpread, ttl/3), log: log, status: status, stopped: make(chan struct{}),
	}, nil
}

// Register implements Registry.
func (r *Registrar) Register(instance Instance) {
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go r.run(ctx, instance)
}

// Deregister implements Registry. The loop is waited for, so that no request of its own that is still under way can
// list the instance after it was taken off.
func (r *Registrar) Deregister(ctx context.Context) error {
	defer func() { _ = r.lister.Close() }() // its only error is that it was closed
	if r.stop == nil {
		return nil
	}
	r.stop()
	select {
	case <-r.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("deregister: %w", ctx.Err())
	}
}

// run keeps the instance listed until ctx is done. It logs changes, not attempts.
func (r *Registrar) run(ctx context.Context, instance Instance) {
	defer close(r.stopped)
	var pause backoff.Backoff
	var told error // why it isn't registered, as logged; nil while it is
	for ctx.Err() == nil {
		registered, err := r.list(ctx, instance)
		if ctx.Err() != nil {
			return
		}
		if registered || told == nil || errors.Is(err, ErrTaken) != errors.Is(told, ErrTaken) {
			r.log.Warn("not registered, serving nevertheless, and trying again", "error", err)
		}
		told = err
		if registered {
			pause.Reset()
			backoff.Wait(ctx, rand.N(r.spread))
			continue
		}
		pause.Wait(ctx)
	}
}

// list returns when the instance isn't listed any more, and whether it has been.
func (r *Registrar) list(ctx context.Context, instance Instance) (registered bool, err error) {
	defer r.status.unregistered()
	err = r.lister.List(ctx, instance, func() {
		if !registered {
			r.log.Info("registered", "addr", instance.Addr, "services", instance.Services)
		}
		registered = true
		r.status.registered()
	})
	return registered, err
}
