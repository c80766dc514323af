package discovery

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/acme/shop/internal/platform/etcd"
)

// listing is what etcd has below a prefix: what it had when it was listed, and the changes since.
type listing struct {
	prefix   string
	cluster  uint64
	revision int64 // of etcd, as last heard of
	entries  map[string]entry
	usable   []entry // of them, in order: each change is told, and should not cost as much as sorting them all
}

// entry is a key. One that is of no use is known, too, for the keys to be counted.
type entry struct {
	etcd.Entry
	kv     *mvccpb.KeyValue
	usable bool
}

// compare orders entries by address and, of those with one address, has the newest first.
func compare(a, b entry) int {
	return cmp.Or(strings.Compare(a.Addr, b.Addr), cmp.Compare(b.kv.ModRevision, a.kv.ModRevision), bytes.Compare(a.kv.Key, b.kv.Key))
}

func newListing(prefix string, response *clientv3.GetResponse) *listing {
	l := &listing{
		prefix: prefix, cluster: response.Header.ClusterId, revision: response.Header.Revision,
		entries: make(map[string]entry, len(response.Kvs)),
	}
	for _, kv := range response.Kvs {
		e := l.read(kv)
		l.entries[string(kv.Key)] = e
		if e.usable {
			l.usable = append(l.usable, e)
		}
	}
	slices.SortFunc(l.usable, compare)
	return l
}

// read takes a key over. One that can't be read costs itself only, not the whole service. One with a further slash belongs
// to a namespace that starts like this one: service c of a/b, when this is service b of a.
func (l *listing) read(kv *mvccpb.KeyValue) entry {
	read, err := etcd.Decode(kv.Value)
	deeper := strings.Contains(strings.TrimPrefix(string(kv.Key), l.prefix), "/")
	return entry{Entry: read, kv: kv, usable: err == nil && !deeper}
}

func (l *listing) apply(response clientv3.WatchResponse) {
	l.revision = max(l.revision, response.Header.GetRevision())
	for _, event := range response.Events {
		l.remove(string(event.Kv.Key))
		if event.Type != clientv3.EventTypeDelete {
			l.put(l.read(event.Kv))
		}
	}
}

func (l *listing) put(e entry) {
	l.entries[string(e.kv.Key)] = e
	if e.usable {
		at, _ := slices.BinarySearchFunc(l.usable, e, compare)
		l.usable = slices.Insert(l.usable, at, e)
	}
}

func (l *listing) remove(key string) {
	e := l.entries[key]
	delete(l.entries, key)
	if e.usable {
		at, _ := slices.BinarySearchFunc(l.usable, e, compare)
		l.usable = slices.Delete(l.usable, at, at+1)
	}
}

// matches reports whether etcd still has what has been listed. newest is the answer to a request for the key below the
// prefix that was changed last. A watch says nothing when etcd was restored from a backup, and so has to catch up with
// the revision that is watched from; an etcd that was started anew may be the same to the revision.
func (l *listing) matches(newest *clientv3.GetResponse) bool {
	var last *mvccpb.KeyValue
	for _, e := range l.entries {
		if last == nil || e.kv.ModRevision > last.ModRevision {
			last = e.kv
		}
	}
	if newest.Header.ClusterId != l.cluster || newest.Header.Revision < l.revision || newest.Count != int64(len(l.entries)) {
		return false
	}
	l.revision = newest.Header.Revision
	return len(newest.Kvs) == 0 || same(newest.Kvs[0], last)
}

// same reports whether both are one key after one and the same change.
func same(a, b *mvccpb.KeyValue) bool {
	return a.ModRevision == b.ModRevision && a.Lease == b.Lease && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value)
}

// instances returns those that can be called, one per address: of two entries with one address the newer one counts.
func (l *listing) instances() []Instance {
	instances := make([]Instance, 0, len(l.usable))
	for i, e := range l.usable {
		if i == 0 || e.Addr != l.usable[i-1].Addr {
			instances = append(instances, Instance{Addr: e.Addr, Metadata: e.Metadata})
		}
	}
	return instances
}
