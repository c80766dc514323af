package discovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"

	"example.com/harbour/internal/platform/backoff"
)

const (
	// patience is how long a first call waits for the registry when there is something else to go by.
	patience = 200 * time.Millisecond

	// gather is how long changes are collected that come right after another one. That one is taken over at once; but for
	// gRPC each is as much work as all instances. A hundred instances add gatherMore to it, up to maxGather: less than
	// it takes an instance to leave (shutdown.drain).
	gather     = 100 * time.Millisecond
	gatherMore = 20 * time.Millisecond
	maxGather  = 300 * time.Millisecond

	// lookEvery is how often it is looked whether there are changes to save, or the grace of instances is over.
	lookEvery = 10 * time.Second

	// missingGrace is how long an instance is kept that the registry has suddenly forgotten: with all others, or with half of
	// them while it was away. That is more often a fault of the registry, which is about to be filled again, than the end of
	// so many instances; and those which are gone are not answering in any case. Not for ever: one day the addresses will
	// be other services'.
	missingGrace = time.Minute
)

var errNoInstance = errors.New("the registry has no instance of it")

// registryResolver keeps one gRPC connection informed about the instances of one service. While the registry is away,
// the connection keeps the instances that are known.
type registryResolver struct {
	source func() (Source, error)
	name   string // <namespace>/<service>
	conn   resolver.ClientConn
	cache  *cache
	status *status

	found     []Instance           // last: by the source
	known     []Instance           // last: by conn, or else by the cache
	published bool                 // to conn
	missing   map[string]time.Time // addresses of known that the source has suddenly forgotten, and since when
	awaySince time.Time            // when the source could not be used any more; zero while it can
	isBack    bool                 // the source: found is the first that it has told since

	cancel  context.CancelFunc
	running sync.WaitGroup
	release func()
}

// news is what the source has found, or why it can't.
type news struct {
	found []Instance
	err   error
}

func (r *registryResolver) start(ctx context.Context) {
	told := make(chan news)
	r.running.Go(func() { r.ask(ctx, told) })
	r.running.Go(func() { r.run(ctx, told) })
}

// ResolveNow implements resolver.Resolver. Changes arrive by themselves.
func (*registryResolver) ResolveNow(resolver.ResolveNowOptions) {}

// Close implements resolver.Resolver.
func (r *registryResolver) Close() {
	r.cancel()
	r.running.Wait()
	r.release()
}

// ask has the source tell what it knows until ctx is done, whatever happens to it.
func (r *registryResolver) ask(ctx context.Context, told chan<- news) {
	tell := func(n news) {
		select {
		case told <- n:
		case <-ctx.Done():
		}
	}
	var pause backoff.Backoff
	for {
		began := time.Now()
		err := r.follow(ctx, func(found []Instance) { tell(news{found: found}) })
		if ctx.Err() != nil {
			return
		}
		if err == nil || time.Since(began) > backoff.Longest {
			pause.Reset() // it has worked
		}
		if err != nil {
			tell(news{err: err})
			pause.Wait(ctx)
		}
	}
}

func (r *registryResolver) follow(ctx context.Context, tell func([]Instance)) error {
	source, err := r.source()
	if err != nil {
		return err
	}
	return source.Follow(ctx, path.Dir(r.name), path.Base(r.name), tell)
}

// run tells gRPC what it is told, until ctx is done. What the cache has is used when the registry doesn't answer soon, not
// before: it may be old.
func (r *registryResolver) run(ctx context.Context, told <-chan news) {
	r.known = r.cache.load(r.name)
	defer r.remember()
	late := time.After(patience)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var pause <-chan time.Time // since the last update; nil when it is over
	more := false              // is to be taken over
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-told:
			more = r.hear(n) || more
		case <-late:
			r.fallBack()
		case <-pause:
			pause = nil
		case <-tick.C:
			r.remember()
			more = r.waiting() || more
		}
		if more && pause == nil {
			r.update()
			more, pause = false, time.After(r.rest())
		}
	}
}

// hear reports whether there are instances to be taken over.
func (r *registryResolver) hear(n news) bool {
	if n.err == nil {
		r.back()
		r.found = n.found
		return true
	}
	if r.awaySince.IsZero() {
		r.awaySince = time.Now()
	}
	r.fallBack()
	if !r.published {
		r.conn.ReportError(n.err)
	}
	r.status.away(n.err, len(r.known))
	r.remember()
	return false
}

// back is for a source that can be used. The time for which it couldn't counts for no instance that is missing.
func (r *registryResolver) back() {
	r.status.back()
	if r.awaySince.IsZero() {
		return
	}
	for addr, since := range r.missing {
		r.missing[addr] = since.Add(time.Since(r.awaySince))
	}
	r.isBack, r.awaySince = true, time.Time{}
}

// fallBack takes what the cache has, unless there is something better.
func (r *registryResolver) fallBack() {
	if !r.published && len(r.known) > 0 {
		r.publish(r.known)
	}
}

// waiting reports whether instances are missing, and time may tell that they are gone.
func (r *registryResolver) waiting() bool { return len(r.missing) > 0 && r.awaySince.IsZero() }

// update takes over what the registry has, and keeps what is missing.
func (r *registryResolver) update() {
	next := append(slices.Clip(r.found), r.keep()...)
	first := !r.published
	if first || !equal(next, r.known) {
		r.publish(next)
	}
	if first {
		r.remember()
	}
}

// keep returns the instances that are missing: known, and forgotten with all others, or with half of them while the
// registry was away. They are until they are found again, or as many others, or missingGrace is over.
func (r *registryResolver) keep() (kept []Instance) {
	few := 2*len(r.found) <= len(r.known)
	suddenly := few && (len(r.found) == 0 || r.isBack)
	before := r.missing
	r.missing, r.isBack = map[string]time.Time{}, false
	if !suddenly && (!few || len(before) == 0) {
		return nil
	}
	for _, instance := range without(r.known, r.found) {
		since, ok := before[instance.Addr]
		if !ok && suddenly {
			since, ok = time.Now(), true
		}
		if ok && time.Since(since) < missingGrace {
			r.missing[instance.Addr] = since
			kept = append(kept, instance)
		}
	}
	if suddenly && len(kept) > len(before) {
		r.status.missing(len(kept))
	}
	return kept
}

// without returns those of all that are not at the address of one of the others.
func without(all, others []Instance) []Instance {
	taken := make(map[string]bool, len(others))
	for _, other := range others {
		taken[other.Addr] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(i Instance) bool { return taken[i.Addr] })
}

// rest is how long the next changes are collected.
func (r *registryResolver) rest() time.Duration {
	return min(gather+time.Duration(len(r.known)/100)*gatherMore, maxGather)
}

// remember leaves what is known to resolvers that come later. It is not done at each change, of which there may be many.
func (r *registryResolver) remember() { r.cache.save(r.name, r.known) }

// publish tells gRPC the instances. That there are none yet is told in words, which callers get to see.
func (r *registryResolver) publish(instances []Instance) {
	r.known = instances
	r.status.instances(len(instances))
	if len(instances) == 0 && !r.published {
		r.conn.ReportError(fmt.Errorf("%s can't be found: %w", r.name, errNoInstance))
		return
	}
	r.published = true
	_ = r.conn.UpdateState(state(instances)) // an error only asks for another attempt, which the next change is
}

func equal(a, b []Instance) bool {
	return slices.EqualFunc(a, b, func(x, y Instance) bool { return x.Addr == y.Addr && maps.Equal(x.Metadata, y.Metadata) })
}

// state is how gRPC is told.
func state(instances []Instance) resolver.State {
	endpoints := make([]resolver.Endpoint, 0, len(instances))
	for _, instance := range instances {
		endpoints = append(endpoints, instance.Endpoint())
	}
	return resolver.State{Endpoints: endpoints}
}
