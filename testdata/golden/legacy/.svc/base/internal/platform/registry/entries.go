package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/billing/v2/internal/platform/etcd"
)

// maxOps is how many keys go into one transaction; etcd takes 128 unless told otherwise.
const maxOps = 100

// entries are an instance in etcd: one key per service, all with one value.
type entries struct {
	kv     clientv3.KV
	keys   []string
	entry  etcd.Entry
	listed bool // has been, at least once
}

func newEntries(kv clientv3.KV, namespace string, instance Instance) *entries {
	metadata := map[string]string{etcd.InstanceID: rand.Text()}
	maps.Copy(metadata, instance.Metadata)
	e := &entries{kv: kv, entry: etcd.Entry{Addr: instance.Addr, Metadata: metadata}}
	for _, service := range instance.Services {
		e.keys = append(e.keys, etcd.Prefix(namespace, service)+instance.Addr)
	}
	return e
}

// put lists the instance under a lease, replacing whatever the keys hold.
func (e *entries) put(ctx context.Context, lease clientv3.LeaseID) error {
	value := e.entry.Encode()
	for keys := range slices.Chunk(e.keys, maxOps) {
		var puts []clientv3.Op
		for _, key := range keys {
			puts = append(puts, clientv3.OpPut(key, value, clientv3.WithLease(lease)))
		}
		if _, err := e.do(ctx, puts); err != nil {
			return fmt.Errorf("put %v: %w", keys, err)
		}
	}
	e.listed = true
	return nil
}

// finding is what is found under the keys.
type finding int

const (
	intact  finding = iota // this instance, under the lease
	damaged                // less than that, and nothing that is anybody else's
	taken                  // another instance
)

// look reads the keys, in one request.
func (e *entries) look(ctx context.Context, lease clientv3.LeaseID) (finding, error) {
	worst := intact
	for keys := range slices.Chunk(e.keys, maxOps) {
		var gets []clientv3.Op
		for _, key := range keys {
			gets = append(gets, clientv3.OpGet(key))
		}
		response, err := e.do(ctx, gets)
		if err != nil {
			return 0, fmt.Errorf("get %v: %w", keys, err)
		}
		for _, r := range response.Responses {
			get := clientv3.GetResponse(*r.GetResponseRange())
			worst = max(worst, e.judge(&get, lease))
		}
	}
	return worst, nil
}

// judge tells whose the key is. One without a lease was put by hand, and is not a running instance's.
func (e *entries) judge(get *clientv3.GetResponse, lease clientv3.LeaseID) finding {
	if len(get.Kvs) == 0 {
		return damaged
	}
	kv := get.Kvs[0]
	found, err := etcd.Decode(kv.Value)
	id := found.Metadata[etcd.InstanceID]
	switch own := id == e.entry.Metadata[etcd.InstanceID]; {
	case err == nil && !own && id != "" && kv.Lease != 0:
		return taken
	case err == nil && own && found.Addr == e.entry.Addr && kv.Lease == int64(lease):
		return intact
	}
	return damaged
}

func (e *entries) do(ctx context.Context, ops []clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	return e.kv.Txn(ctx).Then(ops...).Commit()
}
