package balancing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"example.com/harbour/internal/platform/discovery"
)

const versionKey = "version" // in an instance's metadata

type wantedKey struct{}

// WithVersion returns a context whose calls go to instances of a version, as long as there are any that are ready.
func WithVersion(ctx context.Context, version string) context.Context {
	return context.WithValue(ctx, wantedKey{}, version)
}

// ByVersion is the balancer that keeps one version of a service for the calls that want it, and its settings. Among the
// instances of each version, another balancer picks.
func ByVersion(canary string, among map[string]any) map[string]any {
	return config(versionsName, map[string]any{"canary": canary, "among": among})
}

// versionsConfig are the settings of the balancer, as it is told them.
type versionsConfig struct {
	serviceconfig.LoadBalancingConfig
	canary string // the version that calls have to want
	among  balancer.Builder
	config serviceconfig.LoadBalancingConfig // of among
}

type versionsBuilder struct{}

func (versionsBuilder) Name() string { return versionsName }

// ParseConfig implements balancer.ConfigParser.
func (versionsBuilder) ParseConfig(settings json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	var parsed struct {
		Canary string
		Among  map[string]json.RawMessage
	}
	if err := json.Unmarshal(settings, &parsed); err != nil {
		return nil, fmt.Errorf("%s: %w", versionsName, err)
	}
	cfg := versionsConfig{canary: parsed.Canary}
	for name, settings := range parsed.Among {
		if cfg.among = balancer.Get(name); cfg.among == nil {
			return nil, fmt.Errorf("%s: there is no balancer %q", versionsName, name)
		}
		if parser, ok := cfg.among.(balancer.ConfigParser); ok {
			var err error
			if cfg.config, err = parser.ParseConfig(settings); err != nil {
				return nil, err
			}
		}
	}
	return cfg, nil
}

func (versionsBuilder) Build(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	return &versions{conn: conn, options: options, children: map[string]*version{}}
}

// versions has a balancer for each version that there is.
type versions struct {
	conn    balancer.ClientConn
	options balancer.BuildOptions

	mu       sync.Mutex // not held while calling children, which call back
	canary   string
	children map[string]*version
	updating bool // children, all of which have to be heard before something is said about them
}

// version is what instances of one version have for a connection.
type version struct {
	balancer.ClientConn
	parent    *versions
	balancer  balancer.Balancer
	instances []resolver.Endpoint // all that there are
	state     balancer.State
}

// UpdateState hears from the balancer of a version.
func (v *version) UpdateState(state balancer.State) {
	v.parent.mu.Lock()
	defer v.parent.mu.Unlock()
	v.state = state
	v.parent.publish()
}

var errNoInstances = errors.New("there are no instances")

// UpdateClientConnState implements balancer.Balancer.
func (b *versions) UpdateClientConnState(state balancer.ClientConnState) error {
	cfg, ok := state.BalancerConfig.(versionsConfig)
	if !ok {
		return balancer.ErrBadResolverState
	}
	groups := byVersion(state.ResolverState.Endpoints)
	defer b.update()()
	b.canary = cfg.canary
	b.replace(groups, cfg.among)
	var errs []error
	for name, child := range b.children {
		group := state.ResolverState
		group.Endpoints, group.Addresses = groups[name], nil
		errs = append(errs, child.balancer.UpdateClientConnState(balancer.ClientConnState{ResolverState: group, BalancerConfig: cfg.config}))
	}
	if len(groups) == 0 {
		return balancer.ErrBadResolverState
	}
	return errors.Join(errs...)
}

func byVersion(endpoints []resolver.Endpoint) map[string][]resolver.Endpoint {
	groups := map[string][]resolver.Endpoint{}
	for _, endpoint := range endpoints {
		version := discovery.MetadataOf(endpoint)[versionKey]
		groups[version] = append(groups[version], endpoint)
	}
	return groups
}

// replace ends the balancers of versions that are gone, and begins those of new ones. A version whose instances have
// become a new one, as in Kubernetes while a release is upgraded, goes on as that: its connections are there.
func (b *versions) replace(groups map[string][]resolver.Endpoint, among balancer.Builder) {
	for name, child := range b.children {
		if len(groups[name]) > 0 {
			continue
		}
		delete(b.children, name)
		if now, ok := b.became(child, groups); ok {
			b.children[now] = child
		} else {
			child.balancer.Close()
		}
	}
	for name, group := range groups {
		child := b.children[name]
		if child == nil {
			child = &version{ClientConn: b.conn, parent: b, state: connecting()}
			child.balancer = among.Build(child, b.options)
			b.children[name] = child
		}
		child.instances = group
	}
}

// became returns the version, without a balancer yet, that an instance of a version is of now.
func (b *versions) became(gone *version, groups map[string][]resolver.Endpoint) (name string, ok bool) {
	was := resolver.NewEndpointMap[bool]()
	for _, instance := range gone.instances {
		was.Set(instance, true)
	}
	for name, group := range groups {
		if b.children[name] == nil && slices.ContainsFunc(group, func(e resolver.Endpoint) bool { _, ok := was.Get(e); return ok }) {
			return name, true
		}
	}
	return "", false
}

// update holds back what children say until the returned function is called.
func (b *versions) update() func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.updating = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.updating = false
		b.publish()
	}
}

// publish tells gRPC how calls find an instance now. b.mu is held.
func (b *versions) publish() {
	if !b.updating {
		b.conn.UpdateState(pickVersions(b.children, b.canary))
	}
}

// ResolverError implements balancer.Balancer.
func (b *versions) ResolverError(err error) {
	if len(b.children) == 0 {
		b.conn.UpdateState(failing(err))
		return
	}
	b.each(func(child balancer.Balancer) { child.ResolverError(err) })
}

// UpdateSubConnState implements balancer.Balancer. gRPC doesn't call it any more.
func (*versions) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle implements balancer.Balancer.
func (b *versions) ExitIdle() { b.each(balancer.Balancer.ExitIdle) }

// Close implements balancer.Balancer.
func (b *versions) Close() { b.each(balancer.Balancer.Close) }

func (b *versions) each(do func(balancer.Balancer)) {
	for _, child := range b.children {
		do(child.balancer)
	}
}

func failing(err error) balancer.State {
	return balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: base.NewErrPicker(err)}
}

func connecting() balancer.State {
	return balancer.State{ConnectivityState: connectivity.Connecting, Picker: base.NewErrPicker(balancer.ErrNoSubConnAvailable)}
}
