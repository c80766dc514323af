package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"sync"

	"google.golang.org/grpc/resolver"

	"github.com/acme/shop/internal/platform/access"
)

const scheme = "etcd"

// Target returns the gRPC target of a service: etcd:///<namespace>/<service>.
func Target(namespace, service string) string {
	target := url.URL{Scheme: scheme, Path: "/" + namespace + "/" + service}
	return target.String()
}

// CheckNamespace returns what is wrong with a namespace, which may be one within another: team-a/prod.
func CheckNamespace(namespace string) error {
	if namespace == "" || path.Clean("/"+namespace) != "/"+namespace {
		return fmt.Errorf("must be names with single slashes between them, got %q", namespace)
	}
	return nil
}

// Config says where the registry is, and where to keep what it has said.
type Config struct {
	// Endpoints are the addresses of the registry, as in registry.endpoints.
	Endpoints []string

	// CacheDir is where the instances found last are kept on disk: empty for below the user's cache folder, "none" for
	// nowhere.
	CacheDir string

	// Access is how etcd lets the caller in.
	Access access.Access
}

// Builder makes resolvers for targets of this registry. All of them share one source, which is there while any of them
// is: closing the gRPC connections closes it, too. They also share what they have found: gRPC ends the resolver of a
// connection that isn't used, and asks for another one with the next call.
type Builder struct {
	open  func() (Source, error)
	cache *cache
	log   *slog.Logger

	mu     sync.Mutex
	source Source
	users  int
}

// newBuilder returns a builder of resolvers that follow the source that open returns. open does no I/O.
func newBuilder(cfg Config, open func() (Source, error)) *Builder {
	log := slog.Default().With("registry", scheme, "endpoints", cfg.Endpoints)
	return &Builder{open: open, cache: newCache(cfg.CacheDir, cfg.Endpoints, log), log: log}
}

// Scheme implements resolver.Builder.
func (*Builder) Scheme() string { return scheme }

// OverrideAuthority makes the service's name, without the namespace, the authority of calls: the name that servers see
// and that certificates are checked against.
func (*Builder) OverrideAuthority(target resolver.Target) string { return path.Base(target.Endpoint()) }

// Build implements resolver.Builder. It does no I/O: gRPC waits for it outside of the deadline of any call. Nor does it
// open the source: where that fails, as without certificates that are on their way, gRPC doesn't ask again for half an hour.
func (b *Builder) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	status, err := newStatus(target.Endpoint(), b.log)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	b.acquire()
	ctx, cancel := context.WithCancel(context.Background())
	r := &registryResolver{
		source: b.opened, name: target.Endpoint(), conn: conn, cache: b.cache, status: status,
		cancel: cancel, release: b.release,
	}
	r.start(ctx)
	return r, nil
}

func (b *Builder) acquire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users++
}

// opened returns the source, which the first who asks opens.
func (b *Builder) opened() (Source, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.source == nil {
		source, err := b.open()
		if err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
		b.source = source
	}
	return b.source, nil
}

func (b *Builder) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users--
	if b.users > 0 || b.source == nil {
		return
	}
	if err := b.source.Close(); err != nil {
		b.log.Debug("the registry was not left in good order", "error", err)
	}
	b.source = nil
}
