package registry

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/billing/v2/internal/platform/etcd"
)

const ttl = 10 * time.Second

// fakeEtcd is as much of etcd as a registration needs. Requests fail while it is down.
type fakeEtcd struct {
	clientv3.KV
	clientv3.Lease

	mu    sync.Mutex
	down  bool
	last  clientv3.LeaseID
	keys  map[string]*mvccpb.KeyValue
	beats map[clientv3.LeaseID]chan *clientv3.LeaseKeepAliveResponse
}

func newFakeEtcd() *fakeEtcd {
	return &fakeEtcd{
		keys:  map[string]*mvccpb.KeyValue{},
		beats: map[clientv3.LeaseID]chan *clientv3.LeaseKeepAliveResponse{},
	}
}

var errDown = errors.New("down")

func (f *fakeEtcd) lock() (unlock func(), err error) {
	f.mu.Lock()
	if f.down {
		f.mu.Unlock()
		return nil, errDown
	}
	return f.mu.Unlock, nil
}

func (f *fakeEtcd) Grant(context.Context, int64) (*clientv3.LeaseGrantResponse, error) {
	unlock, err := f.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	f.last++
	f.beats[f.last] = make(chan *clientv3.LeaseKeepAliveResponse)
	return &clientv3.LeaseGrantResponse{ID: f.last}, nil
}

func (f *fakeEtcd) Txn(context.Context) clientv3.Txn { return &fakeTxn{f: f} }

// fakeTxn is a transaction without conditions.
type fakeTxn struct {
	clientv3.Txn
	f   *fakeEtcd
	ops []clientv3.Op
}

func (t *fakeTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	t.ops = ops
	return t
}

func (t *fakeTxn) Commit() (*clientv3.TxnResponse, error) {
	unlock, err := t.f.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	response := &clientv3.TxnResponse{}
	for _, op := range t.ops {
		response.Responses = append(response.Responses, t.f.do(op))
	}
	return response, nil
}

// do takes it that keys are put under the lease that was granted last.
func (f *fakeEtcd) do(op clientv3.Op) *etcdserverpb.ResponseOp {
	key, answer := string(op.KeyBytes()), &etcdserverpb.RangeResponse{}
	if op.IsPut() {
		f.keys[key] = &mvccpb.KeyValue{Value: op.ValueBytes(), Lease: int64(f.last)}
	} else if kv, ok := f.keys[key]; ok {
		answer.Kvs = []*mvccpb.KeyValue{kv}
	}
	return &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: answer}}
}

func (f *fakeEtcd) KeepAlive(_ context.Context, id clientv3.LeaseID) (<-chan *clientv3.LeaseKeepAliveResponse, error) {
	unlock, err := f.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return f.beats[id], nil
}

func (f *fakeEtcd) Revoke(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseRevokeResponse, error) {
	unlock, err := f.lock()
	if err != nil {
		<-ctx.Done() // the client retries until its context ends
		return nil, err
	}
	defer unlock()
	maps.DeleteFunc(f.keys, func(_ string, kv *mvccpb.KeyValue) bool { return kv.Lease == int64(id) })
	return &clientv3.LeaseRevokeResponse{}, nil
}

// lose makes etcd forget everything, as after a restart with an empty disk.
func (f *fakeEtcd) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.keys)
	close(f.beats[f.last])
}

func (f *fakeEtcd) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

// put does what somebody else does: without a value it removes the key.
func (f *fakeEtcd) put(key, value string, lease int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, key)
	if value != "" {
		f.keys[key] = &mvccpb.KeyValue{Value: []byte(value), Lease: lease}
	}
}

func (f *fakeEtcd) get(key string) (value string, lease int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kv, ok := f.keys[key]; ok {
		return string(kv.Value), kv.Lease
	}
	return "", 0
}

func (f *fakeEtcd) listed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.keys))
}

var listedKeys = []string{"default/a.v1.A/10.0.0.1:9090", "default/b.v1.B/10.0.0.1:9090"}

// register runs a registration against f in a bubble of fake time.
func register(t *testing.T, f *fakeEtcd, test func(t *testing.T, e *Registrar)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		e, err := NewRegistrar(&Etcd{
			namespace: "default", ttl: ttl, log: log, kv: f, lease: f, close: func() error { return nil }, id: "mine",
		}, ttl, log)
		if err != nil {
			t.Fatal(err)
		}
		e.Register(Instance{
			Services: []string{"a.v1.A", "b.v1.B"}, Addr: "10.0.0.1:9090", Metadata: map[string]string{"app": "shop"},
		})
		test(t, e)
		if err := e.Deregister(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func expectListed(t *testing.T, f *fakeEtcd, want []string) {
	t.Helper()
	if got := f.listed(); !slices.Equal(got, want) {
		t.Errorf("listed: got %v, want %v", got, want)
	}
}

// after lets the fake clock run, and everything that is due happen.
func after(d time.Duration) {
	time.Sleep(d) // fake time: takes none
	synctest.Wait()
}

func TestEtcdListsAndUnlists(t *testing.T) {
	f := newFakeEtcd()
	register(t, f, func(t *testing.T, _ *Registrar) {
		after(0)
		expectListed(t, f, listedKeys)
		value, _ := f.get(listedKeys[0])
		entry, err := etcd.Decode([]byte(value))
		if err != nil || entry.Addr != "10.0.0.1:9090" || entry.Metadata["app"] != "shop" || entry.Metadata[etcd.InstanceID] != "mine" {
			t.Errorf("got %s", value)
		}
	})
	expectListed(t, f, nil)
}

func TestEtcdIsWaitedFor(t *testing.T) {
	f := newFakeEtcd()
	f.setDown(true)
	register(t, f, func(t *testing.T, _ *Registrar) {
		after(time.Hour)
		expectListed(t, f, nil)
		f.setDown(false)
		after(5 * time.Second)
		expectListed(t, f, listedKeys)
	})
}

func TestEtcdRegistersAgain(t *testing.T) {
	const stranger = `{"Addr":"10.0.0.9:9090"}`
	tests := map[string]func(f *fakeEtcd){
		"after the lease was lost":         func(f *fakeEtcd) { f.lose() },
		"after an entry was removed":       func(f *fakeEtcd) { f.put(listedKeys[0], "", 0) },
		"after all entries were removed":   func(f *fakeEtcd) { f.put(listedKeys[0], "", 0); f.put(listedKeys[1], "", 0) },
		"after an entry was replaced":      func(f *fakeEtcd) { f.put(listedKeys[1], stranger, 0) },
		"after an entry became unreadable": func(f *fakeEtcd) { f.put(listedKeys[1], "not JSON", 1) },
		"after an entry lost its lease":    func(f *fakeEtcd) { value, _ := f.get(listedKeys[1]); f.put(listedKeys[1], value, 0) },
		"after its metadata was changed": func(f *fakeEtcd) {
			value, lease := f.get(listedKeys[1])
			f.put(listedKeys[1], strings.Replace(value, `"Metadata":{`, `"Metadata":{"zone":"another",`, 1), lease)
		},
		"after a backup was restored": func(f *fakeEtcd) { value, _ := f.get(listedKeys[1]); f.put(listedKeys[1], value, 77) },
	}
	for name, harm := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFakeEtcd()
			register(t, f, func(t *testing.T, _ *Registrar) {
				after(0)
				value, _ := f.get(listedKeys[0])
				harm(f)
				after(ttl + 2*time.Second)
				expectListed(t, f, listedKeys)
				for _, key := range listedKeys {
					if got, lease := f.get(key); got != value || lease != int64(f.last) {
						t.Errorf("%s: got %s of lease %d", key, got, lease)
					}
				}
			})
		})
	}
}

// TestEtcdStandsByForAnother has a second process with the same address come, and go again.
func TestEtcdStandsByForAnother(t *testing.T) {
	const other, lease = `{"Addr":"10.0.0.1:9090","Metadata":{"instance":"other"}}`, 4711
	f := newFakeEtcd()
	register(t, f, func(t *testing.T, _ *Registrar) {
		after(0)
		f.put(listedKeys[0], other, lease)
		for range 100 {
			after(ttl / 2)
			if got, of := f.get(listedKeys[0]); got != other || of != lease {
				t.Fatalf("got %s of lease %d, want the other's", got, of)
			}
		}
		expectListed(t, f, listedKeys[:1])
		f.put(listedKeys[0], "", 0)
		after(ttl)
		expectListed(t, f, listedKeys)
	})
}

// TestEtcdReplacesWhatACrashLeftBehind has another process be listed at the address from the start.
func TestEtcdReplacesWhatACrashLeftBehind(t *testing.T) {
	f := newFakeEtcd()
	f.put(listedKeys[0], `{"Addr":"10.0.0.1:9090","Metadata":{"instance":"other"}}`, 4711)
	register(t, f, func(t *testing.T, _ *Registrar) {
		after(0)
		if got, lease := f.get(listedKeys[0]); lease != int64(f.last) {
			t.Errorf("got %s of lease %d", got, lease)
		}
	})
}

func TestEtcdLeavesInTimeWhenItIsDown(t *testing.T) {
	f := newFakeEtcd()
	register(t, f, func(t *testing.T, e *Registrar) {
		after(0)
		f.setDown(true)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := e.Deregister(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > revokeTimeout {
			t.Errorf("took %v", took)
		}
	})
}
