// Package registry lists the running app where other services look for it.
package registry

import (
	"context"
	"log/slog"
)

// Instance is what is listed: one running app and the services that it serves.
type Instance struct {
	Services []string          // fully-qualified names
	Addr     string            // host:port that others can dial
	Metadata map[string]string // app, version, environment, weight, zone
}

// Registry lists an instance. It is used for one instance, once.
type Registry interface {
	// Register lists the instance until Deregister is called. It returns at once and never gives up: faults of the
	// registry are waited out, and the instance is listed again whenever it has been lost.
	Register(instance Instance)

	// Deregister takes the instance off the list. Once it has returned nothing can put the instance back. It gives up
	// when ctx is done; the entry then goes away by itself after the TTL.
	Deregister(ctx context.Context) error
}

// None lists nothing, and says so.
type None struct {
	Log    *slog.Logger
	Level  slog.Level // of what it says: a warning where a registry was to be expected
	Reason string     // and what follows from it for those who look for the instance
}

// Register says that the instance is not listed, and why.
func (n None) Register(instance Instance) {
	n.Log.Log(context.Background(), n.Level, "not registered",
		"reason", n.Reason, "addr", instance.Addr, "services", instance.Services)
}

// Deregister has nothing to do.
func (None) Deregister(context.Context) error { return nil }
