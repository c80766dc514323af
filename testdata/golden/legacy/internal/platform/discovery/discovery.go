package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/resolver"

	"example.com/billing/v2/internal/platform/etcd"
)

const scheme = "etcd"

// Target returns the gRPC target of a service: etcd:///<namespace>/<service>. Its instances are in etcd in its official
// format for gRPC: the keys below <namespace>/<service>/ hold {"Addr": "host:port"}.
func Target(namespace, service string) string {
	target := url.URL{Scheme: scheme, Path: "/" + namespace + "/" + service}
	return target.String()
}

// Builder makes resolvers for etcd targets, to be passed to grpc.WithResolvers. All of them share one connection to
// etcd, which is there while any of them is: closing the gRPC connections closes it, too. They also share what they have
// found: gRPC ends the resolver of a connection that isn't used, and asks for another one with the next call.
type Builder struct {
	endpoints []string
	cache     *cache
	log       *slog.Logger

	mu     sync.Mutex
	client *clientv3.Client
	users  int
}

// NewBuilder returns a builder that asks the etcd members at endpoints. cacheDir is where the instances found last are
// kept on disk: empty for below the user's cache folder, "none" for nowhere.
func NewBuilder(endpoints []string, cacheDir string) *Builder {
	log := slog.Default().With("etcd", endpoints)
	return &Builder{endpoints: endpoints, cache: newCache(cacheDir, endpoints, log), log: log}
}

// Scheme implements resolver.Builder.
func (*Builder) Scheme() string { return scheme }

// OverrideAuthority makes the service's name, not its path in etcd, the authority of calls: the name that servers see
// and that certificates are checked against.
func (*Builder) OverrideAuthority(target resolver.Target) string { return path.Base(target.Endpoint()) }

// Build implements resolver.Builder. It does no I/O: gRPC waits for it outside of the deadline of any call.
func (b *Builder) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	status, err := newStatus(target.Endpoint(), b.log)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	client, err := b.acquire()
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &etcdResolver{
		kv: client, watcher: client, prefix: target.Endpoint() + "/", conn: conn, cache: b.cache, status: status,
		cancel: cancel, release: b.release, stopped: make(chan struct{}),
	}
	go r.run(ctx)
	return r, nil
}

func (b *Builder) acquire() (*clientv3.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users == 0 {
		client, err := etcd.NewClient(b.endpoints)
		if err != nil {
			return nil, err
		}
		b.client = client
	}
	b.users++
	return b.client, nil
}

func (b *Builder) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users--
	if b.users == 0 {
		_ = b.client.Close() // its only error is that it was closed
	}
}
