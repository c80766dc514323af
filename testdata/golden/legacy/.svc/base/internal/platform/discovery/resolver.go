package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/resolver"

	"example.com/billing/v2/internal/platform/etcd"
)

const (
	// patience is how long a first call waits for etcd when there is something else to go by.
	patience = 200 * time.Millisecond

	// gather is how long changes are collected that come right after another one. That one is taken over at once; but for
	// gRPC each is as much work as all instances.
	gather = 100 * time.Millisecond

	// checkEvery is how often etcd is asked whether it still has what has been listed. It is one key that is read.
	checkEvery = 10 * time.Second

	// emptyGrace is how long the last known instances are kept when etcd has none of them any more. An emptied registry
	// is more often a fault of the registry than the end of all instances; and those which are gone are not answering
	// in any case. Not for ever: one day the addresses will be other services'.
	emptyGrace = time.Minute
)

var (
	errNoInstance = errors.New("no instance is registered in etcd")
	errWatchEnded = errors.New("it has ended")
)

// etcdResolver keeps one gRPC connection informed about the instances of one service. While etcd is away, the
// connection keeps the instances that are known.
type etcdResolver struct {
	kv      clientv3.KV
	watcher clientv3.Watcher
	prefix  string
	conn    resolver.ClientConn
	cache   *cache
	status  *status

	known      []Instance // last: by conn, or else by the cache
	published  bool       // to conn
	emptySince time.Time  // when known began to be more than etcd has; zero while it isn't

	cancel  context.CancelFunc
	release func()
	stopped chan struct{}
}

// ResolveNow implements resolver.Resolver. Changes arrive by themselves.
func (*etcdResolver) ResolveNow(resolver.ResolveNowOptions) {}

// Close implements resolver.Resolver.
func (r *etcdResolver) Close() {
	r.cancel()
	<-r.stopped
	r.release()
}

// run follows the instances until ctx is done. What the cache has is used when etcd doesn't answer soon, not before:
// it may be old.
func (r *etcdResolver) run(ctx context.Context) {
	defer close(r.stopped)
	timeout := etcd.Timeout
	if r.known = r.cache.load(r.prefix); len(r.known) > 0 {
		timeout = patience
	}
	var backoff etcd.Backoff
	for ctx.Err() == nil {
		err := r.follow(ctx, timeout)
		timeout = etcd.Timeout
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			backoff.Reset()
			continue
		case !r.published && len(r.known) > 0:
			r.publish(r.known)
		case !r.published:
			r.conn.ReportError(err)
		}
		r.status.away(err, len(r.known))
		backoff.Wait(ctx)
	}
}

// follow lists the instances, then takes over changes. It returns nil when it is time to list again.
func (r *etcdResolver) follow(ctx context.Context, timeout time.Duration) error {
	listed, err := r.list(ctx, timeout)
	if err != nil {
		return err
	}
	r.status.back()
	r.update(listed.instances())
	r.remember()
	defer r.remember()

	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	changes, err := r.watch(ctx, cancel, listed.revision+1)
	if err != nil {
		return err
	}
	return r.keepUp(ctx, listed, changes)
}

// keepUp takes over changes until it is time to list again.
func (r *etcdResolver) keepUp(ctx context.Context, listed *listing, changes clientv3.WatchChan) error {
	check := time.NewTimer(etcd.Jitter(checkEvery))
	defer check.Stop()
	var pause <-chan time.Time // since the last update; nil when it is over
	more := false              // has changed meanwhile
	for {
		select {
		case response, ok := <-changes:
			if err := cmp.Or(response.Err(), ended(ok)); err != nil {
				return fmt.Errorf("watch %s in etcd: %w", r.prefix, err)
			}
			listed.apply(response)
			more = true
		case <-pause:
			pause = nil
		case <-check.C:
			if same, err := r.check(ctx, listed); err != nil || !same {
				return err
			}
			check.Reset(etcd.Jitter(checkEvery))
			r.remember()
			more = true // or the grace of those that etcd has no longer may be over
		}
		if more && pause == nil {
			r.update(listed.instances())
			more, pause = false, time.After(gather)
		}
	}
}

// ended is the error of a watch that has ended without one.
func ended(ok bool) error {
	if ok {
		return nil
	}
	return errWatchEnded
}

func (r *etcdResolver) list(ctx context.Context, timeout time.Duration) (*listing, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := r.kv.Get(ctx, r.prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("list %s in etcd: %w", r.prefix, err)
	}
	return newListing(r.prefix, response), nil
}

// watch follows changes until ctx is done. It cancels ctx when etcd does not answer, which Watch would wait for.
func (r *etcdResolver) watch(ctx context.Context, cancel context.CancelFunc, from int64) (clientv3.WatchChan, error) {
	late := time.AfterFunc(etcd.Timeout, cancel)
	changes := r.watcher.Watch(ctx, r.prefix, clientv3.WithPrefix(), clientv3.WithRev(from))
	if !late.Stop() {
		return nil, fmt.Errorf("watch %s in etcd: no answer", r.prefix)
	}
	return changes, nil
}

// check asks etcd whether it still has what has been listed. That it doesn't answer ends the watch, which may hang, too.
func (r *etcdResolver) check(ctx context.Context, listed *listing) (same bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	options := append(clientv3.WithLastRev(), clientv3.WithPrefix())
	newest, err := r.kv.Get(ctx, r.prefix, options...)
	if err != nil {
		return false, fmt.Errorf("check %s in etcd: %w", r.prefix, err)
	}
	return listed.matches(newest), nil
}

// update takes over what etcd has. That it has nothing is believed after a while.
func (r *etcdResolver) update(found []Instance) {
	switch {
	case len(found) > 0:
		r.emptySince = time.Time{}
	case len(r.known) > 0 && r.emptySince.IsZero():
		r.emptySince = time.Now()
		r.status.emptied(len(r.known))
		fallthrough
	case len(r.known) > 0 && time.Since(r.emptySince) < emptyGrace:
		found = r.known
	}
	if !r.published || !equal(found, r.known) {
		r.publish(found)
	}
}

// remember leaves what is known to resolvers that come later. It is not done at each change, of which there may be many.
func (r *etcdResolver) remember() { r.cache.save(r.prefix, r.known) }

// publish tells gRPC the instances. That there are none yet is told in words, which callers get to see.
func (r *etcdResolver) publish(instances []Instance) {
	r.known = instances
	r.status.instances(len(instances))
	if len(instances) == 0 && !r.published {
		r.conn.ReportError(fmt.Errorf("%w below %s", errNoInstance, r.prefix))
		return
	}
	r.published = true
	_ = r.conn.UpdateState(state(instances)) // an error only asks for another attempt, which the next change is
}
