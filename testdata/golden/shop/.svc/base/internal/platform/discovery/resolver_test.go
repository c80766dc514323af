package discovery

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/resolver"
)

const prefix = "default/a.v1.A/"

// fakeEtcd answers lists with what it holds, and watches with what the test sends.
type fakeEtcd struct {
	clientv3.KV
	clientv3.Watcher
	events chan clientv3.WatchResponse

	mu       sync.Mutex
	kvs      []*mvccpb.KeyValue
	revision int64
	lists    int // requests for all
	err      error
}

// set changes what f holds, without an event. An error means that it can't be reached.
func (f *fakeEtcd) set(err error, kvs ...*mvccpb.KeyValue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kvs, f.err = kvs, err
}

func (f *fakeEtcd) setRevision(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revision = revision
}

// Get knows the two requests that there are: for all keys, and for the one that was changed last.
func (f *fakeEtcd) Get(ctx context.Context, _ string, options ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.err; err != nil {
		f.mu.Unlock()
		<-ctx.Done() // the client retries until its context ends
		f.mu.Lock()
		return nil, err
	}
	response := &clientv3.GetResponse{
		Header: &etcdserverpb.ResponseHeader{Revision: f.revision}, Kvs: f.kvs, Count: int64(len(f.kvs)),
	}
	if len(options) == 1 {
		f.lists++
		return response, nil
	}
	response.Kvs = nil
	for _, kv := range f.kvs {
		if len(response.Kvs) == 0 || kv.ModRevision > response.Kvs[0].ModRevision {
			response.Kvs = []*mvccpb.KeyValue{kv}
		}
	}
	return response, nil
}

func (f *fakeEtcd) Watch(ctx context.Context, _ string, _ ...clientv3.OpOption) clientv3.WatchChan {
	out := make(chan clientv3.WatchResponse)
	go func() {
		defer close(out)
		for {
			select {
			case response := <-f.events:
				out <- response
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
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

func kv(id, value string) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{Key: []byte(prefix + id), Value: []byte(value), ModRevision: 3}
}

func put(id, value string) clientv3.WatchResponse {
	return clientv3.WatchResponse{Events: []*clientv3.Event{{Type: clientv3.EventTypePut, Kv: kv(id, value)}}}
}

func remove(id string) clientv3.WatchResponse {
	return clientv3.WatchResponse{Events: []*clientv3.Event{{Type: clientv3.EventTypeDelete, Kv: kv(id, "")}}}
}

// resolve runs a resolver against f in a bubble of fake time.
func resolve(t *testing.T, f *fakeEtcd, cache *cache, test func(t *testing.T, conn *fakeConn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f.events = make(chan clientv3.WatchResponse)
		conn := &fakeConn{}
		ctx, cancel := context.WithCancel(t.Context())
		status, err := newStatus("a.v1.A", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r := &etcdResolver{
			kv: f, watcher: f, prefix: prefix, conn: conn, cache: cache, status: status,
			cancel: cancel, release: func() {}, stopped: make(chan struct{}),
		}
		go r.run(ctx)
		synctest.Wait()
		test(t, conn)
		r.Close()
	})
}

func inMemory() *cache { return newCache(noCache, nil, slog.New(slog.DiscardHandler)) }

// after lets the fake clock run, and everything that is due happen.
func after(d time.Duration) {
	time.Sleep(d) // fake time: takes none
	synctest.Wait()
}

// send tells the resolver a change, which f has made.
func (f *fakeEtcd) send(response clientv3.WatchResponse) {
	f.mu.Lock()
	for _, event := range response.Events {
		f.kvs = slices.DeleteFunc(f.kvs, func(kv *mvccpb.KeyValue) bool { return string(kv.Key) == string(event.Kv.Key) })
		if event.Type == clientv3.EventTypePut {
			f.kvs = append(f.kvs, event.Kv)
		}
	}
	f.mu.Unlock()
	f.events <- response
	after(gather)
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

func TestResolverListsThenFollows(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{
		kv("1", `{"Op":0,"Addr":"a:1","Metadata":{"app":"shop"}}`),
		kv("2", `{"Op":0,"Addr":"a:1","Metadata":{"app":"shop"}}`), // the same address once more
		kv("3", `not JSON`),
		kv("b.v1.B/4", `{"Addr":"d:1"}`), // a service of namespace default/a.v1.A
	}}
	resolve(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		expect(t, conn, "a:1")
		if got := MetadataOf(conn.get().state.Endpoints[0]); got["app"] != "shop" {
			t.Errorf("metadata: got %v", got)
		}
		f.send(put("4", `{"Addr":"b:1"}`))
		expect(t, conn, "a:1", "b:1")
		f.send(put("4", `{"Addr":"c:1"}`)) // the key moved
		expect(t, conn, "a:1", "c:1")
		f.send(remove("4"))
		expect(t, conn, "a:1")
		f.send(put("3", `still not JSON`))
		if got := conn.get().updates; got != 4 {
			t.Errorf("got %d updates, want one for each change", got)
		}
	})
}

func TestResolverSaysThatThereIsNoInstance(t *testing.T) {
	f := &fakeEtcd{}
	resolve(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		if err := conn.get().err; !errors.Is(err, errNoInstance) {
			t.Errorf("got %v", err)
		}
		f.send(put("1", `{"Addr":"a:1"}`))
		expect(t, conn, "a:1")
	})
}

func TestResolverBelievesThatThereIsNoneAfterAWhile(t *testing.T) {
	f, c := &fakeEtcd{}, inMemory()
	resolve(t, f, c, func(t *testing.T, conn *fakeConn) {
		f.send(put("1", `{"Addr":"a:1"}`))
		f.send(remove("1"))
		after(emptyGrace - time.Second)
		expect(t, conn, "a:1")
		f.send(put("1", `{"Addr":"b:1"}`))
		expect(t, conn, "b:1")
		f.send(remove("1"))
		after(emptyGrace - time.Second) // which begins anew
		expect(t, conn, "b:1")
		after(checkEvery + 2*time.Second)
		expect(t, conn)
	})
	if left := c.load(prefix); len(left) > 0 {
		t.Errorf("the cache still has %v", left)
	}
}

func TestResolverListsAgainAfterItsWatchFailed(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolve(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		f.set(nil, kv("2", `{"Addr":"b:1"}`))
		f.send(clientv3.WatchResponse{CompactRevision: 9})
		after(time.Second)
		expect(t, conn, "b:1")
	})
}

func TestResolverKeepsWhatItKnowsWhileEtcdIsAway(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolve(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		f.set(errors.New("away"))
		after(time.Hour)
		expect(t, conn, "a:1")
		f.set(nil, kv("1", `{"Addr":"b:1"}`))
		after(10 * time.Second)
		expect(t, conn, "b:1")
	})
}

func TestResolverSaysThatEtcdIsAway(t *testing.T) {
	away := errors.New("away")
	f := &fakeEtcd{err: away}
	resolve(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		after(10 * time.Second)
		if err := conn.get().err; !errors.Is(err, away) {
			t.Errorf("got %v", err)
		}
	})
}

func TestResolverStartsFromTheCache(t *testing.T) {
	f, c := &fakeEtcd{err: errors.New("away")}, inMemory()
	c.save(prefix, []Instance{{Addr: "a:1"}})
	resolve(t, f, c, func(t *testing.T, conn *fakeConn) {
		expect(t, conn) // etcd may still answer
		after(patience)
		expect(t, conn, "a:1")
		f.set(nil) // it was emptied meanwhile
		after(10 * time.Second)
		expect(t, conn, "a:1")
		f.send(put("1", `{"Addr":"b:1"}`))
		expect(t, conn, "b:1")
	})
	if left := c.load(prefix); len(left) != 1 || left[0].Addr != "b:1" {
		t.Errorf("the cache has %v", left)
	}
}

// TestResolverNoticesWhatTheWatchDoesNotTell changes etcd without an event, as restoring a backup does.
func TestResolverNoticesWhatTheWatchDoesNotTell(t *testing.T) {
	newer := kv("1", `{"Addr":"b:1"}`)
	newer.ModRevision = 4
	tests := map[string]func(f *fakeEtcd){
		"a key more":        func(f *fakeEtcd) { f.set(nil, kv("1", `{"Addr":"b:1"}`), kv("2", `{"Addr":"b:1"}`)) },
		"another key":       func(f *fakeEtcd) { f.set(nil, kv("2", `{"Addr":"b:1"}`)) },
		"another value":     func(f *fakeEtcd) { f.set(nil, kv("1", `{"Addr":"b:1"}`)) },
		"a newer key":       func(f *fakeEtcd) { f.set(nil, newer) },
		"an older revision": func(f *fakeEtcd) { f.set(nil, kv("1", `{"Addr":"b:1"}`)); f.setRevision(6) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeEtcd{revision: 7, kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
			resolve(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
				change(f)
				after(checkEvery)
				expect(t, conn, "b:1")
			})
		})
	}
}

func TestResolverListsOnceWhileNothingChanges(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolve(t, f, inMemory(), func(t *testing.T, conn *fakeConn) {
		after(time.Hour)
		if got := conn.get().updates; got != 1 {
			t.Errorf("got %d updates", got)
		}
	})
	if f.lists != 1 {
		t.Errorf("got %d lists", f.lists)
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
