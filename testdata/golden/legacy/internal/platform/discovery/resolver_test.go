package discovery

import (
	"context"
	"errors"
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

	mu  sync.Mutex
	kvs []*mvccpb.KeyValue
	err error
}

// set changes what f holds, without an event. An error means that it can't be reached.
func (f *fakeEtcd) set(err error, kvs ...*mvccpb.KeyValue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kvs, f.err = kvs, err
}

func (f *fakeEtcd) Get(context.Context, string, ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &clientv3.GetResponse{Header: &etcdserverpb.ResponseHeader{Revision: 7}, Kvs: f.kvs}, f.err
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
	addrs   []string
	updates int
	err     error
}

func (c *fakeConn) UpdateState(state resolver.State) error {
	c.addrs = nil
	for _, addr := range state.Addresses {
		c.addrs = append(c.addrs, addr.Addr)
	}
	c.updates++
	c.err = nil
	return nil
}

func (c *fakeConn) ReportError(err error) { c.err = err }

func kv(id, value string) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{Key: []byte(prefix + id), Value: []byte(value)}
}

func put(id, value string) clientv3.WatchResponse {
	return clientv3.WatchResponse{Events: []*clientv3.Event{{Type: clientv3.EventTypePut, Kv: kv(id, value)}}}
}

func remove(id string) clientv3.WatchResponse {
	return clientv3.WatchResponse{Events: []*clientv3.Event{{Type: clientv3.EventTypeDelete, Kv: kv(id, "")}}}
}

// resolve runs a resolver against f in a bubble of fake time.
func resolve(t *testing.T, f *fakeEtcd, test func(t *testing.T, conn *fakeConn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f.events = make(chan clientv3.WatchResponse)
		conn := &fakeConn{}
		ctx, cancel := context.WithCancel(t.Context())
		r := &etcdResolver{
			kv: f, watcher: f, prefix: prefix, conn: conn,
			cancel: cancel, release: func() {}, stopped: make(chan struct{}),
		}
		go r.run(ctx)
		synctest.Wait()
		test(t, conn)
		r.Close()
	})
}

func (f *fakeEtcd) send(response clientv3.WatchResponse) {
	f.events <- response
	synctest.Wait()
}

func expect(t *testing.T, conn *fakeConn, want ...string) {
	t.Helper()
	if !slices.Equal(conn.addrs, want) {
		t.Errorf("got %v, want %v", conn.addrs, want)
	}
}

func TestResolverListsThenFollows(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{
		kv("1", `{"Op":0,"Addr":"a:1","Metadata":{"app":"shop"}}`),
		kv("2", `{"Op":0,"Addr":"a:1"}`), // the same address once more
		kv("3", `not JSON`),
	}}
	resolve(t, f, func(t *testing.T, conn *fakeConn) {
		expect(t, conn, "a:1")
		f.send(put("4", `{"Addr":"b:1"}`))
		expect(t, conn, "a:1", "b:1")
		f.send(put("4", `{"Addr":"c:1"}`)) // the key moved
		expect(t, conn, "a:1", "c:1")
		f.send(remove("4"))
		expect(t, conn, "a:1")
	})
}

func TestResolverSaysThatThereIsNoInstance(t *testing.T) {
	f := &fakeEtcd{}
	resolve(t, f, func(t *testing.T, conn *fakeConn) {
		if conn.err == nil {
			t.Error("got no error")
		}
		f.send(put("1", `{"Addr":"a:1"}`))
		expect(t, conn, "a:1")
		f.send(remove("1"))
		expect(t, conn)
		if conn.updates != 2 {
			t.Errorf("got %d updates, want the one that says that the instance is gone", conn.updates)
		}
	})
}

func TestResolverListsAgainAfterItsWatchFailed(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolve(t, f, func(t *testing.T, conn *fakeConn) {
		f.set(nil, kv("2", `{"Addr":"b:1"}`))
		f.send(clientv3.WatchResponse{CompactRevision: 9})
		time.Sleep(time.Second) // fake time
		synctest.Wait()
		expect(t, conn, "b:1")
	})
}

func TestResolverKeepsWhatItKnowsWhileEtcdIsAway(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolve(t, f, func(t *testing.T, conn *fakeConn) {
		f.set(errors.New("away"))
		time.Sleep(time.Hour) // fake time
		synctest.Wait()
		expect(t, conn, "a:1")
		if conn.err == nil {
			t.Error("got no error")
		}
		f.set(nil, kv("1", `{"Addr":"b:1"}`))
		time.Sleep(10 * time.Second) // fake time
		synctest.Wait()
		expect(t, conn, "b:1")
	})
}

func TestResolverRefreshes(t *testing.T) {
	f := &fakeEtcd{kvs: []*mvccpb.KeyValue{kv("1", `{"Addr":"a:1"}`)}}
	resolve(t, f, func(t *testing.T, conn *fakeConn) {
		f.set(nil, kv("1", `{"Addr":"b:1"}`)) // without an event
		time.Sleep(refresh + time.Second)     // fake time
		synctest.Wait()
		expect(t, conn, "b:1")
	})
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
