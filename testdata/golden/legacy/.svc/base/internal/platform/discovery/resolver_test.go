package discovery

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"example.com/billing/v2/internal/platform/backoff"
)

const name = "team a/prod/a.v1.A"

var errAway = errors.New("away")

// fakeSource tells what it is set to.
type fakeSource struct {
	t       *testing.T
	mu      sync.Mutex
	found   []Instance
	err     error
	silent  bool
	changed chan struct{} // closed, and replaced, when any of these has changed
	closed  bool
}

func (f *fakeSource) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

// set has f find instances, and nothing be wrong with it.
func (f *fakeSource) set(addrs ...string) {
	f.change(func() { f.found, f.err, f.silent = at(addrs...), nil, false })
	after(gather)
}

// fail has f be away.
func (f *fakeSource) fail() { f.change(func() { f.err = errAway }) }

func (f *fakeSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	if namespace != "team a/prod" || service != "a.v1.A" {
		f.t.Errorf("asked for %q of %q", service, namespace)
	}
	for {
		f.mu.Lock()
		found, err, silent, changed := f.found, f.err, f.silent, f.changed
		f.mu.Unlock()
		if err != nil {
			return err
		}
		if !silent {
			tell(found)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fakeSource) Close() error {
	f.closed = true
	return nil
}

func at(addrs ...string) []Instance {
	var instances []Instance
	for _, addr := range addrs {
		instances = append(instances, Instance{Addr: addr})
	}
	return instances
}

// fakeConn remembers what gRPC was told last.
type fakeConn struct {
	resolver.ClientConn

	mu sync.Mutex
	told
}

type told struct {
	state   resolver.State
	updates int
	err     error
}

func (c *fakeConn) UpdateState(state resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = told{state: state, updates: c.updates + 1}
	return nil
}

func (c *fakeConn) ReportError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *fakeConn) get() told {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

// resolve runs a resolver of what the source made by open knows, in a bubble of fake time.
func resolve(t *testing.T, name string, open func() (Source, error), cache *cache, test func(t *testing.T, conn *fakeConn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		conn := &fakeConn{}
		b := &Builder{open: open, cache: cache, log: slog.New(slog.DiscardHandler)}
		r, err := b.Build(resolver.Target{URL: url.URL{Path: "/" + name}}, conn, resolver.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		test(t, conn)
		r.Close()
	})
}

// follow runs a resolver of what f knows.
func follow(t *testing.T, f *fakeSource, cache *cache, test func(t *testing.T, conn *fakeConn)) {
	t.Helper()
	f.t = t
	resolve(t, name, func() (Source, error) {
		f.changed = make(chan struct{})
		return f, nil
	}, cache, test)
	if !f.closed {
		t.Error("the source was not closed")
	}
}

func inMemory() *cache { return newCache(noCache, nil, slog.New(slog.DiscardHandler)) }

// after lets the fake clock run, and everything that is due happen.
func after(d time.Duration) {
	time.Sleep(d) // fake time: takes none
	synctest.Wait()
}

func expect(t *testing.T, conn *fakeConn, want ...string) {
	t.Helper()
	var got []string
	for _, endpoint := range conn.get().state.Endpoints {
		got = append(got, endpoint.Addresses[0].Addr)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestResolverFollows(t *testing.T) {
	f := &fakeSource{found: []Instance{{Addr: "a:1", Metadata: Metadata{"app": "shop"}}}}
	follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		expect(t, conn, "a:1")
		if got := MetadataOf(conn.get().state.Endpoints[0]); got["app"] != "shop" {
			t.Errorf("metadata: got %v", got)
		}
		f.set("a:1", "b:1")
		expect(t, conn, "a:1", "b:1")
		f.set("a:1", "b:1")
		if got := conn.get().updates; got != 2 {
			t.Errorf("got %d updates, want one for each change", got)
		}
	})
}

func TestResolverGathersChanges(t *testing.T) {
	f := &fakeSource{}
	follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		after(gather)
		for range 100 {
			f.change(func() { f.found = append(at("a:1"), f.found...) })
			synctest.Wait()
		}
		if got := conn.get(); got.updates != 1 || len(got.state.Endpoints) != 1 {
			t.Errorf("got %d updates, the last with %d instances, want the first change at once", got.updates, len(got.state.Endpoints))
		}
		after(gather)
		if got := conn.get(); got.updates != 2 || len(got.state.Endpoints) != 100 {
			t.Errorf("got %d updates, the last with %d instances, want all others as one", got.updates, len(got.state.Endpoints))
		}
	})
}

func TestResolverSaysThatThereIsNoInstance(t *testing.T) {
	f := &fakeSource{}
	follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		if err := conn.get().err; !errors.Is(err, errNoInstance) {
			t.Errorf("got %v", err)
		}
		f.set("a:1")
		expect(t, conn, "a:1")
	})
}

func TestResolverBelievesThatThereIsNoneAfterAWhile(t *testing.T) {
	f, c := &fakeSource{found: at("a:1")}, inMemory()
	follow(t, f, c, func(t *testing.T, conn *fakeConn) {
		f.set()
		after(missingGrace - time.Second)
		expect(t, conn, "a:1")
		f.set("a:1")
		f.set()
		after(missingGrace - time.Second) // which begins anew
		expect(t, conn, "a:1")
		after(lookEvery + time.Second)
		expect(t, conn)
	})
	if left := c.load(name); len(left) > 0 {
		t.Errorf("the cache still has %v", left)
	}
}

// TestResolverDoesNotBelieveWhoIsAway has the registry go away after it was emptied, and come back before the instances
// have told it of themselves: what it said before says nothing about how long it is empty now.
func TestResolverDoesNotBelieveWhoIsAway(t *testing.T) {
	f := &fakeSource{found: at("a:1")}
	follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		f.set()
		for range 2 {
			f.fail()
			after(time.Hour)
			expect(t, conn, "a:1")
			f.set()
			after(missingGrace / 3)
			expect(t, conn, "a:1")
		}
		f.set("a:1")
		f.set()
		f.fail()
		after(time.Hour)
		f.set()
		after(missingGrace + 2*lookEvery)
		expect(t, conn) // it is believed in the end
	})
}

// TestResolverWaitsForTheRegistryToFill has a registry that was emptied be told of the instances again, one after the other.
func TestResolverWaitsForTheRegistryToFill(t *testing.T) {
	for title, empty := range map[string]func(f *fakeSource){
		"emptied": func(f *fakeSource) { f.set() },
		"away, and empty when it is back": func(f *fakeSource) {
			f.fail()
			after(time.Hour)
			f.set()
		},
		"away, and about to be filled when it is back": func(f *fakeSource) {
			f.fail()
			after(time.Hour)
		},
	} {
		t.Run(title, func(t *testing.T) {
			f := &fakeSource{found: at("a:1", "b:1", "c:1", "d:1", "e:1", "f:1")}
			follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
				empty(f)
				f.set("a:1")
				after(backoff.Longest)
				expect(t, conn, "a:1", "b:1", "c:1", "d:1", "e:1", "f:1")
				f.set("a:1", "b:1", "x:1")
				expect(t, conn, "a:1", "b:1", "x:1", "c:1", "d:1", "e:1", "f:1")
				f.set("a:1", "x:1") // b was there again, and has left
				expect(t, conn, "a:1", "x:1", "c:1", "d:1", "e:1", "f:1")
				f.fail()
				after(missingGrace) // in which nobody can say anything
				f.set("a:1", "d:1", "x:1")
				after(backoff.Longest)
				expect(t, conn, "a:1", "d:1", "x:1", "c:1", "e:1", "f:1")
				f.set("a:1", "c:1", "d:1", "x:1") // it is as full as it has to be
				expect(t, conn, "a:1", "c:1", "d:1", "x:1")
			})
		})
	}
}

// TestResolverForgetsWhatIsMissing has a registry that names few for good, whatever else it does meanwhile.
func TestResolverForgetsWhatIsMissing(t *testing.T) {
	const often = 20 * time.Second
	tests := map[string]func(f *fakeSource, round string){
		"one is left": func(f *fakeSource, _ string) { f.set("z:1") },
		"one comes and goes": func(f *fakeSource, _ string) {
			f.set("z:1")
			after(often)
			f.set()
		},
		"another comes each time": func(f *fakeSource, round string) {
			f.set(round + ":1")
			after(often)
			f.set()
		},
		"one is left, and the registry fails at times": func(f *fakeSource, _ string) {
			f.set("z:1")
			after(often)
			f.fail()
		},
		"another is left each time that it has failed": func(f *fakeSource, round string) {
			f.set(round + ":1")
			after(often)
			f.fail()
		},
	}
	for title, next := range tests {
		t.Run(title, func(t *testing.T) {
			f := &fakeSource{found: at("a:1", "b:1", "c:1", "d:1")}
			follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
				f.set()
				for i := range 20 {
					next(f, "z"+strconv.Itoa(i))
					after(often)
				}
				known := conn.get().state.Endpoints
				if len(known) > int(missingGrace/often)+1 {
					t.Errorf("%d are known", len(known))
				}
				for _, endpoint := range known {
					if addr := endpoint.Addresses[0].Addr; addr[0] != 'z' {
						t.Errorf("%s is known", addr)
					}
				}
			})
		})
	}
}

// TestResolverBelievesWhatItIsTold has instances leave, and others come, as they do while nothing is wrong with the registry.
func TestResolverBelievesWhatItIsTold(t *testing.T) {
	f := &fakeSource{found: at("a:1", "b:1", "c:1", "d:1")}
	follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		f.set("a:1")
		expect(t, conn, "a:1")
		f.set("b:1")
		expect(t, conn, "b:1")
		f.set("b:1", "c:1", "d:1")
		f.fail()
		after(time.Hour)
		f.set("b:1", "c:1") // one has left while it was away
		after(backoff.Longest)
		expect(t, conn, "b:1", "c:1")
		f.fail()
		after(time.Hour)
		f.set("e:1", "f:1") // others have come while it was away
		after(backoff.Longest)
		expect(t, conn, "e:1", "f:1")
	})
}

func TestResolverKeepsWhatItKnowsWhileTheRegistryIsAway(t *testing.T) {
	f := &fakeSource{found: at("a:1")}
	follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		f.fail()
		after(time.Hour)
		expect(t, conn, "a:1")
		f.set("b:1")
		after(10 * time.Second)
		expect(t, conn, "b:1")
	})
}

func TestResolverSaysThatTheRegistryIsAway(t *testing.T) {
	f := &fakeSource{err: errAway}
	follow(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		if err := conn.get().err; !errors.Is(err, errAway) {
			t.Errorf("got %v", err)
		}
	})
}

func TestResolverStartsFromTheCache(t *testing.T) {
	tests := map[string]struct {
		f    *fakeSource
		wait time.Duration
	}{
		"when the registry is away":         {&fakeSource{err: errAway}, 0},
		"when the registry does not answer": {&fakeSource{silent: true}, patience},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			c := inMemory()
			c.save(name, at("a:1"))
			follow(t, tt.f, c, func(t *testing.T, conn *fakeConn) {
				if tt.wait > 0 {
					expect(t, conn) // it may still answer
				}
				after(tt.wait)
				expect(t, conn, "a:1")
				tt.f.set() // it was emptied meanwhile
				after(10 * time.Second)
				expect(t, conn, "a:1")
				tt.f.set("b:1")
				expect(t, conn, "b:1")
			})
			if left := c.load(name); len(left) != 1 || left[0].Addr != "b:1" {
				t.Errorf("the cache has %v", left)
			}
		})
	}
}

func TestResolverSavesWhatIsFound(t *testing.T) {
	f, c := &fakeSource{found: at("a:1")}, inMemory()
	saved := func(want string) {
		t.Helper()
		if got := c.load(name); len(got) != 1 || got[0].Addr != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	follow(t, f, c, func(*testing.T, *fakeConn) {
		saved("a:1") // at once
		f.set("b:1")
		after(lookEvery)
		saved("b:1")
		f.set("c:1")
	})
	saved("c:1")
}

// TestSourceIsOpenedAgain has a source that can't be opened at first.
func TestSourceIsOpenedAgain(t *testing.T) {
	f := &fakeSource{t: t, found: at("a:1")}
	attempts := 0
	open := func() (Source, error) {
		f.changed = make(chan struct{})
		if attempts++; attempts < 3 {
			return nil, errAway
		}
		return f, nil
	}
	resolve(t, name, open, inMemory(), func(t *testing.T, conn *fakeConn) {
		if got := conn.get().err; !errors.Is(got, errAway) {
			t.Errorf("gRPC is told %v", got)
		}
		after(2 * backoff.Longest)
		expect(t, conn, "a:1")
	})
	if attempts != 3 || !f.closed {
		t.Errorf("opened %d times, closed: %t", attempts, f.closed)
	}
}

// TestBuilderHasOneSource has two resolvers come and go, and then a third.
func TestBuilderHasOneSource(t *testing.T) {
	var opened []*fakeSource
	b := newBuilder(Config{CacheDir: noCache}, func() (Source, error) {
		opened = append(opened, &fakeSource{t: t, changed: make(chan struct{})})
		return opened[len(opened)-1], nil
	})
	build := func() resolver.Resolver {
		r, err := b.Build(resolver.Target{URL: url.URL{Path: "/" + name}}, &fakeConn{}, resolver.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, second := build(), build()
	first.Close()
	if len(opened) != 1 || opened[0].closed {
		t.Errorf("%d sources, or closed while it is in use", len(opened))
	}
	second.Close()
	build().Close()
	if len(opened) != 2 || !opened[0].closed || !opened[1].closed {
		t.Errorf("%d sources, or not closed", len(opened))
	}
}

func TestTargetAndAuthority(t *testing.T) {
	target := Target("team a/prod", "a.v1.A")
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	got := resolver.Target{URL: *parsed}
	if got.URL.Scheme != scheme || got.Endpoint() != "team a/prod/a.v1.A" {
		t.Errorf("%s: got scheme %q, endpoint %q", target, got.URL.Scheme, got.Endpoint())
	}
	if authority := (&Builder{}).OverrideAuthority(got); authority != "a.v1.A" {
		t.Errorf("got authority %q", authority)
	}
}

func TestManyInstancesAreUpdatedLessOften(t *testing.T) {
	for n, want := range map[int]time.Duration{0: gather, 99: gather, 500: 2 * gather, 1000: maxGather, 100_000: maxGather} {
		if got := (&registryResolver{known: make([]Instance, n)}).rest(); got != want {
			t.Errorf("%d: got %v, want %v", n, got, want)
		}
	}
}
