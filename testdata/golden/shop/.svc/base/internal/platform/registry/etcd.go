package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"

	"github.com/acme/shop/internal/platform/etcd"
)

// revokeTimeout is shorter than what an app has for leaving.
const revokeTimeout = time.Second

var (
	errLeaseLost   = errors.New("the lease has expired, or etcd is out of reach")
	errKeysMissing = errors.New("entries have been removed or replaced")
)

// Etcd lists an instance in etcd's official format for gRPC: one key <namespace>/<service>/<addr> per service, all
// under one lease.
type Etcd struct {
	namespace string
	ttl       time.Duration
	log       *slog.Logger
	lease     clientv3.Lease
	endpoints endpoints.Manager
	close     func() error

	stop    context.CancelFunc // nil until Register
	stopped chan struct{}
}

// NewEtcd returns a registry that uses client, and closes it in the end.
func NewEtcd(client *clientv3.Client, namespace string, ttl time.Duration, log *slog.Logger) (*Etcd, error) {
	manager, err := endpoints.NewManager(client, namespace)
	if err != nil {
		return nil, err
	}
	return &Etcd{
		namespace: namespace, ttl: ttl, log: log.With("etcd", client.Endpoints()),
		lease: client.Lease, endpoints: manager, close: client.Close,
		stopped: make(chan struct{}),
	}, nil
}

// Register implements Registry.
func (e *Etcd) Register(instance Instance) {
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	go e.run(ctx, instance)
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

// run keeps the instance listed until ctx is done. It logs changes, not attempts.
func (e *Etcd) run(ctx context.Context, instance Instance) {
	defer close(e.stopped)
	var backoff etcd.Backoff
	down := false
	for ctx.Err() == nil {
		registered, err := e.session(ctx, instance)
		switch {
		case ctx.Err() != nil:
			return
		case registered:
			e.log.Warn("registration lost, registering again", "error", err)
			backoff.Reset()
		case !down:
			e.log.Warn("not registered: etcd can't be used; serving nevertheless, and trying again", "error", err)
		}
		down = !registered
		backoff.Wait(ctx)
	}
}

// session lists the instance under a new lease, and returns when it can't be trusted to be listed any more. The lease
// never outlives the session, so that there is neither a second entry nor one left behind.
func (e *Etcd) session(ctx context.Context, instance Instance) (registered bool, err error) {
	lease, err := e.grant(ctx)
	if err != nil {
		return false, err
	}
	defer e.revoke(lease)
	for _, service := range instance.Services {
		if err := e.put(ctx, lease, service, instance); err != nil {
			return false, err
		}
	}
	e.log.Info("registered", "addr", instance.Addr, "namespace", e.namespace, "services", instance.Services)
	return true, e.hold(ctx, lease, len(instance.Services))
}

func (e *Etcd) grant(ctx context.Context) (clientv3.LeaseID, error) {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	granted, err := e.lease.Grant(ctx, int64(e.ttl/time.Second))
	if err != nil {
		return 0, fmt.Errorf("grant lease: %w", err)
	}
	return granted.ID, nil
}

func (e *Etcd) put(ctx context.Context, lease clientv3.LeaseID, service string, instance Instance) error {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	key := e.namespace + "/" + service + "/" + instance.Addr
	endpoint := endpoints.Endpoint{Addr: instance.Addr, Metadata: instance.Metadata}
	if err := e.endpoints.AddEndpoint(ctx, key, endpoint, clientv3.WithLease(lease)); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// revoke removes the lease, and with it the keys. Its context is not the session's, which may be over.
func (e *Etcd) revoke(lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	if _, err := e.lease.Revoke(ctx, lease); err != nil {
		e.log.Debug("lease was not revoked, it will expire", "error", err)
	}
}

// hold keeps the lease alive. It also looks, about once per TTL, whether its keys are still there: somebody may have
// removed them, or restored etcd from a backup.
func (e *Etcd) hold(ctx context.Context, lease clientv3.LeaseID, keys int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beats, err := e.lease.KeepAlive(ctx, lease)
	if err != nil {
		return fmt.Errorf("keep lease alive: %w", err)
	}
	check := time.NewTicker(etcd.Jitter(e.ttl))
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, alive := <-beats:
			if !alive {
				return errLeaseLost
			}
		case <-check.C:
			if err := e.verify(ctx, lease, keys); err != nil {
				return err
			}
		}
	}
}

// verify counts the keys of the lease. Not knowing is fine: the lease tells when etcd is away for too long.
func (e *Etcd) verify(ctx context.Context, lease clientv3.LeaseID, keys int) error {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	state, err := e.lease.TimeToLive(ctx, lease, clientv3.WithAttachedKeys())
	switch {
	case err != nil:
		return nil
	case state.TTL <= 0:
		return errLeaseLost
	case len(state.Keys) < keys:
		return errKeysMissing
	}
	return nil
}
