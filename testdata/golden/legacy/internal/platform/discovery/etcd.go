package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/billing/v2/internal/platform/backoff"
	"example.com/billing/v2/internal/platform/etcd"
)

// checkEvery is how often etcd is asked whether it still has what has been listed. It is one key that is read.
const checkEvery = 10 * time.Second

var (
	errNoEndpoints = errors.New("registry.endpoints is empty")
	errWatchEnded  = errors.New("it has ended")
)

// Open returns a builder that asks the etcd members at cfg.Endpoints. It does not connect yet.
func Open(cfg Config) (*Builder, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, errNoEndpoints
	}
	log := slog.Default()
	return newBuilder(cfg, func() (Source, error) {
		client, err := etcd.NewClient(cfg.Endpoints, cfg.Access, log)
		if err != nil {
			return nil, err
		}
		return &etcdSource{kv: client, watcher: client, close: client.Close}, nil
	}), nil
}

// etcdSource is etcd as a Source, in etcd's official format for gRPC: the keys below <namespace>/<service>/ hold
// {"Addr": "host:port"}.
type etcdSource struct {
	kv      clientv3.KV
	watcher clientv3.Watcher
	close   func() error
}

// Close implements Source.
func (s *etcdSource) Close() error { return s.close() }

// Follow implements Source: it lists the instances, then takes over changes. It returns nil when it is time to list again.
func (s *etcdSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	prefix := etcd.Prefix(namespace, service)
	listed, err := s.list(ctx, prefix)
	if err != nil {
		return err
	}
	tell(listed.instances())

	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	changes, err := s.watch(ctx, cancel, prefix, listed.revision+1)
	if err != nil {
		return err
	}
	return s.keepUp(ctx, listed, changes, tell)
}

// keepUp tells of changes until it is time to list again.
func (s *etcdSource) keepUp(ctx context.Context, listed *listing, changes clientv3.WatchChan, tell func([]Instance)) error {
	check := time.NewTimer(backoff.Jitter(checkEvery))
	defer check.Stop()
	for {
		select {
		case response, ok := <-changes:
			if err := cmp.Or(response.Err(), ended(ok)); err != nil {
				return fmt.Errorf("watch %s in etcd: %w", listed.prefix, err)
			}
			listed.apply(response)
			tell(listed.instances())
		case <-check.C:
			if same, err := s.check(ctx, listed); err != nil || !same {
				return err
			}
			check.Reset(backoff.Jitter(checkEvery))
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

func (s *etcdSource) list(ctx context.Context, prefix string) (*listing, error) {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	response, err := s.kv.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("list %s in etcd: %w", prefix, err)
	}
	return newListing(prefix, response), nil
}

// watch follows changes until ctx is done. It cancels ctx when etcd does not answer, which Watch would wait for.
func (s *etcdSource) watch(ctx context.Context, cancel context.CancelFunc, prefix string, from int64) (clientv3.WatchChan, error) {
	late := time.AfterFunc(etcd.Timeout, cancel)
	changes := s.watcher.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(from))
	if !late.Stop() {
		return nil, fmt.Errorf("watch %s in etcd: no answer", prefix)
	}
	return changes, nil
}

// check asks etcd whether it still has what has been listed. That it doesn't answer ends the watch, which may hang, too.
func (s *etcdSource) check(ctx context.Context, listed *listing) (same bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	options := append(clientv3.WithLastRev(), clientv3.WithPrefix())
	newest, err := s.kv.Get(ctx, listed.prefix, options...)
	if err != nil {
		return false, fmt.Errorf("check %s in etcd: %w", listed.prefix, err)
	}
	return listed.matches(newest), nil
}
