package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/billing/v2/internal/platform/etcd"
)

// maxSpread is how long a fleet that has lost its leases together takes to come back, lest it come at once.
const maxSpread = 3 * time.Second

// Etcd lists an instance in etcd's official format for gRPC: one key <namespace>/<service>/<addr> per service, all
// under one lease. The address makes the key, so that an app that is started again replaces what a crash has left
// behind.
//
// Of two processes that are told to advertise one address, the one that started last is listed. The other stands by,
// and takes over when that is gone.
type Etcd struct {
	namespace string
	ttl       time.Duration
	log       *slog.Logger
	kv        clientv3.KV
	lease     clientv3.Lease
	close     func() error
	status    *status

	stop    context.CancelFunc // nil until Register
	stopped chan struct{}
}

// NewEtcd returns a registry that uses client, and closes it in the end.
func NewEtcd(client *clientv3.Client, namespace string, ttl time.Duration, log *slog.Logger) (*Etcd, error) {
	status, err := newStatus()
	if err != nil {
		return nil, err
	}
	return &Etcd{
		namespace: namespace, ttl: ttl, log: log.With("etcd", client.Endpoints(), "namespace", namespace),
		kv: client.KV, lease: client.Lease, close: client.Close, status: status,
		stopped: make(chan struct{}),
	}, nil
}

// Register implements Registry.
func (e *Etcd) Register(instance Instance) {
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	go e.run(ctx, newEntries(e.kv, e.namespace, instance))
}

// Deregister implements Registry. The loop is waited for, so that no request of its own that is still under way can
// put a key after it has been removed.
func (e *Etcd) Deregister(ctx context.Context) error {
	defer func() { _ = e.close() }() // its only error is that it was closed
	if e.stop == nil {
		return nil
	}
	e.stop()
	select {
	case <-e.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("deregister: %w", ctx.Err())
	}
}

// run keeps the entries listed until ctx is done. It logs changes, not attempts.
func (e *Etcd) run(ctx context.Context, entries *entries) {
	defer close(e.stopped)
	var backoff etcd.Backoff
	var told error // why it isn't registered, as logged; nil while it is
	for ctx.Err() == nil {
		registered, err := e.session(ctx, entries)
		e.status.unregistered()
		if ctx.Err() != nil {
			return
		}
		if registered || told == nil || errors.Is(err, errTaken) != errors.Is(told, errTaken) {
			e.log.Warn("not registered, serving nevertheless, and trying again", "error", err)
		}
		told = err
		if registered {
			backoff.Reset()
			etcd.Wait(ctx, rand.N(min(maxSpread, e.ttl/3)))
			continue
		}
		backoff.Wait(ctx)
	}
}
