package discovery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
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

func kv(id, value string) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{Key: []byte(prefix + id), Value: []byte(value), ModRevision: 3}
}

func put(id, value string) clientv3.WatchResponse {
	return clientv3.WatchResponse{Events: []*clientv3.Event{{Type: clientv3.EventTypePut, Kv: kv(id, value)}}}
}

func remove(id string) clientv3.WatchResponse {
	return clientv3.WatchResponse{Events: []*clientv3.Event{{Type: clientv3.EventTypeDelete, Kv: kv(id, "")}}}
}

// resolveEtcd runs a resolver of what f has.
func resolveEtcd(t *testing.T, f *fakeEtcd, test func(t *testing.T, conn *fakeConn)) {
	t.Helper()
	resolve(t, "default/a.v1.A", func() (Source, error) {
		f.events = make(chan clientv3.WatchResponse)
		return &etcdSource{kv: f, watcher: f, close: func() error { return nil }}, nil
	}, inMemory(), test)
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

func TestResolverListsThenFollows(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{
		kv("1", `{"Op":0,"Addr":"a:1","Metadata":{"app":"shop"}}`),
		kv("2", `{"Op":0,"Addr":"a:1","Metadata":{"app":"shop"}}`), // the same address once more
		kv("3", `not JSON`),
		kv("b.v1.B/4", `{"Addr":"d:1"}`), // a service of namespace default/a.v1.A
	}}
	resolveEtcd(t, f, func(t *testing.T, conn *fakeConn) {
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

func TestResolverListsAgainAfterItsWatchFailed(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolveEtcd(t, f, func(t *testing.T, conn *fakeConn) {
		f.set(nil, kv("2", `{"Addr":"b:1"}`))
		f.send(clientv3.WatchResponse{CompactRevision: 9})
		after(time.Second)
		expect(t, conn, "b:1")
	})
}

func TestResolverComesBackAfterEtcdWasAway(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolveEtcd(t, f, func(t *testing.T, conn *fakeConn) {
		f.set(errAway)
		after(time.Hour)
		expect(t, conn, "a:1")
		f.set(nil, kv("1", `{"Addr":"b:1"}`))
		after(10 * time.Second)
		expect(t, conn, "b:1")
	})
}

func TestResolverSaysThatEtcdIsAway(t *testing.T) {
	f := &fakeEtcd{err: errAway}
	resolveEtcd(t, f, func(t *testing.T, conn *fakeConn) {
		after(10 * time.Second)
		if err := conn.get().err; !errors.Is(err, errAway) {
			t.Errorf("got %v", err)
		}
	})
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
			resolveEtcd(t, f, func(t *testing.T, conn *fakeConn) {
				change(f)
				after(checkEvery)
				expect(t, conn, "b:1")
			})
		})
	}
}

func TestResolverListsOnceWhileNothingChanges(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolveEtcd(t, f, func(t *testing.T, conn *fakeConn) {
		after(time.Hour)
		if got := conn.get().updates; got != 1 {
			t.Errorf("got %d updates", got)
		}
	})
	if f.lists != 1 {
		t.Errorf("got %d lists", f.lists)
	}
}

func TestOpenNeedsEndpoints(t *testing.T) {
	if _, err := Open(Config{}); !errors.Is(err, errNoEndpoints) {
		t.Errorf("got %v", err)
	}
}
