package discovery

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestListingIsWhatAnotherListWouldBe applies changes of all kinds, many of them to keys that share an address.
func TestListingIsWhatAnotherListWouldBe(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	held := map[string]*mvccpb.KeyValue{}
	list := func() *listing {
		return newListing(prefix, &clientv3.GetResponse{
			Header: &etcdserverpb.ResponseHeader{}, Kvs: slices.Collect(maps.Values(held)),
		})
	}
	followed := list()
	for revision := range int64(5000) {
		key := prefix + fmt.Sprint(random.IntN(20))
		event := &clientv3.Event{Type: clientv3.EventTypeDelete, Kv: &mvccpb.KeyValue{Key: []byte(key)}}
		delete(held, key)
		if value := random.IntN(12); value < 10 {
			event.Type = clientv3.EventTypePut
			event.Kv.ModRevision = revision
			event.Kv.Value = fmt.Appendf(nil, `{"Addr":"a:%d","Metadata":{"revision":"%d"}}`, value, revision)
			if value == 0 {
				event.Kv.Value = []byte("not JSON")
			}
			held[key] = event.Kv
		}
		followed.apply(clientv3.WatchResponse{Events: []*clientv3.Event{event}})
		if got, want := followed.instances(), list().instances(); !equal(got, want) || len(followed.entries) != len(held) {
			t.Fatalf("after %v: got %v, want %v", event, got, want)
		}
	}
}
