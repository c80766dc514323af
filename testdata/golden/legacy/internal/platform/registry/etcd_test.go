package registry

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
)

const ttl = 10 * time.Second

// fakeEtcd is as much of etcd as a registration needs. Requests fail while it is down.
type fakeEtcd struct {
	clientv3.Lease
	endpoints.Manager

	mu    sync.Mutex
	down  bool
	last  clientv3.LeaseID
	keys  map[string]endpoints.Endpoint
	beats map[clientv3.LeaseID]chan *clientv3.LeaseKeepAliveResponse
}

func newFakeEtcd() *fakeEtcd {
	return &fakeEtcd{
		keys:  map[string]endpoints.Endpoint{},
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

func (f *fakeEtcd) AddEndpoint(_ context.Context, key string, e endpoints.Endpoint, _ ...clientv3.OpOption) error {
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	f.keys[key] = e
	return nil
}

func (f *fakeEtcd) KeepAlive(_ context.Context, id clientv3.LeaseID) (<-chan *clientv3.LeaseKeepAliveResponse, error) {
	unlock, err := f.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return f.beats[id], nil
}

func (f *fakeEtcd) TimeToLive(context.Context, clientv3.LeaseID, ...clientv3.LeaseOption) (*clientv3.LeaseTimeToLiveResponse, error) {
	unlock, err := f.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return &clientv3.LeaseTimeToLiveResponse{TTL: 5, Keys: make([][]byte, len(f.keys))}, nil
}

func (f *fakeEtcd) Revoke(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseRevokeResponse, error) {
	unlock, err := f.lock()
	if err != nil {
		<-ctx.Done() // the client retries until its context ends
		return nil, err
	}
	defer unlock()
	if id == f.last {
		clear(f.keys)
	}
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

func (f *fakeEtcd) remove(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, key)
}

func (f *fakeEtcd) listed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.keys))
}

var listedKeys = []string{"default/a.v1.A/10.0.0.1:9090", "default/b.v1.B/10.0.0.1:9090"}

// register runs a registration against f in a bubble of fake time.
func register(t *testing.T, f *fakeEtcd, test func(t *testing.T, e *Etcd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &Etcd{
			namespace: "default", ttl: ttl, log: slog.New(slog.DiscardHandler),
			lease: f, endpoints: f, close: func() error { return nil },
			stopped: make(chan struct{}),
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
	register(t, f, func(t *testing.T, _ *Etcd) {
		after(0)
		expectListed(t, f, listedKeys)
		if got := f.keys[listedKeys[0]]; got.Addr != "10.0.0.1:9090" || got.Metadata.(map[string]string)["app"] != "shop" {
			t.Errorf("got %+v", got)
		}
	})
	expectListed(t, f, nil)
}

func TestEtcdIsWaitedFor(t *testing.T) {
	f := newFakeEtcd()
	f.setDown(true)
	register(t, f, func(t *testing.T, _ *Etcd) {
		after(time.Hour)
		expectListed(t, f, nil)
		f.setDown(false)
		after(5 * time.Second)
		expectListed(t, f, listedKeys)
	})
}

func TestEtcdRegistersAgain(t *testing.T) {
	tests := map[string]func(f *fakeEtcd){
		"after the lease was lost":    func(f *fakeEtcd) { f.lose() },
		"after an entry was removed":  func(f *fakeEtcd) { f.remove(listedKeys[0]) },
		"after everything was purged": func(f *fakeEtcd) { f.remove(listedKeys[0]); f.remove(listedKeys[1]) },
	}
	for name, harm := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFakeEtcd()
			register(t, f, func(t *testing.T, _ *Etcd) {
				after(0)
				harm(f)
				after(ttl + time.Second)
				expectListed(t, f, listedKeys)
			})
		})
	}
}

func TestEtcdLeavesInTimeWhenItIsDown(t *testing.T) {
	f := newFakeEtcd()
	register(t, f, func(t *testing.T, e *Etcd) {
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
