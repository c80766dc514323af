package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/acme/shop/internal/platform/etcd"
)

// revokeTimeout is shorter than what an app has for leaving.
const revokeTimeout = time.Second

var errLeaseLost = errors.New("the lease has expired, or etcd is out of reach")

// List implements Lister: it lists the entries under a new lease. The lease never outlives the call, so that there is
// neither a second entry nor one left behind.
func (e *Etcd) List(ctx context.Context, instance Instance, listed func()) error {
	entries := newEntries(e.kv, e.namespace, e.id, instance)
	if e.listed { // before; the first time, what is there was left by a process that is no more
		found, err := entries.look(ctx, clientv3.NoLease)
		switch {
		case err != nil:
			return err
		case found == taken:
			return ErrTaken
		}
	}
	lease, err := e.grant(ctx)
	if err != nil {
		return err
	}
	defer e.revoke(lease)
	if err := entries.put(ctx, lease); err != nil {
		return err
	}
	e.listed = true
	listed()
	return e.hold(ctx, entries, lease, listed)
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

// revoke removes the lease, and with it the keys. Its context is not List's, which may be over.
func (e *Etcd) revoke(lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	if _, err := e.lease.Revoke(ctx, lease); err != nil {
		e.log.Debug("lease was not revoked, it will expire", "error", err)
	}
}

// hold keeps the lease alive. It also looks, about once per TTL, whether its keys are still there.
func (e *Etcd) hold(ctx context.Context, entries *entries, lease clientv3.LeaseID, listed func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beats, err := e.lease.KeepAlive(ctx, lease)
	if err != nil {
		return fmt.Errorf("keep lease alive: %w", err)
	}
	check := time.NewTimer(e.nextCheck())
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
			// Not knowing is fine: the lease tells when etcd is away for too long.
			if found, err := entries.look(ctx, lease); err == nil {
				if err := e.repair(ctx, entries, lease, found); err != nil {
					return err
				}
				listed()
			}
			check.Reset(e.nextCheck())
		}
	}
}

// nextCheck is little less than the TTL, and not the same for all of a fleet.
func (e *Etcd) nextCheck() time.Duration { return e.ttl - rand.N(e.ttl/5) }

// repair puts back what somebody has removed or replaced, by hand or by restoring a backup.
func (e *Etcd) repair(ctx context.Context, entries *entries, lease clientv3.LeaseID, found finding) error {
	switch found {
	case taken:
		return ErrTaken
	case damaged:
		if err := entries.put(ctx, lease); err != nil {
			return err
		}
		e.log.Warn("entries had been removed or replaced, and are there again", "addr", entries.addr)
	case intact:
	}
	return nil
}
