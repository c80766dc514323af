package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/resolver"

	"github.com/acme/shop/internal/platform/etcd"
)

// refresh is how often everything is listed anew: a watch says nothing when etcd was restored from a backup and so
// has to catch up with the revision that is watched from.
const refresh = 30 * time.Second

// etcdResolver keeps one gRPC connection informed about the instances of one service. While etcd is away, the
// connection keeps the instances that it knows.
type etcdResolver struct {
	kv      clientv3.KV
	watcher clientv3.Watcher
	prefix  string
	conn    resolver.ClientConn

	published bool // conn has been given instances

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

func (r *etcdResolver) run(ctx context.Context) {
	defer close(r.stopped)
	var backoff etcd.Backoff
	for ctx.Err() == nil {
		err := r.listAndWatch(ctx)
		if err == nil {
			backoff.Reset()
			continue
		}
		if ctx.Err() == nil {
			r.conn.ReportError(err)
		}
		backoff.Wait(ctx)
	}
}

// listAndWatch publishes the instances, then follows their changes. It returns nil when it is time to list again.
func (r *etcdResolver) listAndWatch(ctx context.Context) error {
	addrs, revision, err := r.list(ctx)
	if err != nil {
		return err
	}
	r.publish(addrs)
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), etcd.Jitter(refresh))
	defer cancel()
	for response := range r.watcher.Watch(ctx, r.prefix, clientv3.WithPrefix(), clientv3.WithRev(revision+1)) {
		if err := response.Err(); err != nil {
			return fmt.Errorf("watch %s in etcd: %w", r.prefix, err)
		}
		for _, event := range response.Events {
			if event.Type == clientv3.EventTypeDelete {
				delete(addrs, string(event.Kv.Key))
			} else {
				add(addrs, event.Kv)
			}
		}
		r.publish(addrs)
	}
	if ctx.Err() == nil {
		return fmt.Errorf("watch %s in etcd: ended", r.prefix)
	}
	return nil
}

// list returns the addresses by key, and the revision that they are from.
func (r *etcdResolver) list(ctx context.Context) (map[string]string, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	response, err := r.kv.Get(ctx, r.prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, 0, fmt.Errorf("list %s in etcd: %w", r.prefix, err)
	}
	addrs := map[string]string{}
	for _, kv := range response.Kvs {
		add(addrs, kv)
	}
	return addrs, response.Header.Revision, nil
}

// add takes an entry over. One that can't be read costs itself only, not the whole service.
func add(addrs map[string]string, kv *mvccpb.KeyValue) {
	var entry struct{ Addr string }
	if err := json.Unmarshal(kv.Value, &entry); err != nil || entry.Addr == "" {
		delete(addrs, string(kv.Key))
		return
	}
	addrs[string(kv.Key)] = entry.Addr
}

// publish gives gRPC the distinct addresses. That there are none yet is told in words, which callers get to see.
func (r *etcdResolver) publish(addrs map[string]string) {
	if len(addrs) == 0 && !r.published {
		r.conn.ReportError(fmt.Errorf("no instance is registered in etcd below %s", r.prefix))
		return
	}
	state := resolver.State{}
	for _, addr := range slices.Compact(slices.Sorted(maps.Values(addrs))) {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: addr})
	}
	r.published = true
	_ = r.conn.UpdateState(state) // an error only asks for another attempt, which the next change is
}
