package registry

import (
	"context"
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
	kv    clientv3.KV
	keys  []string
	id    string // of the process
	addr  string
	value string
}

func newEntries(kv clientv3.KV, namespace, id string, instance Instance) *entries {
	metadata := map[string]string{etcd.InstanceID: id}
	maps.Copy(metadata, instance.Metadata)
	entry := etcd.Entry{Addr: instance.Addr, Metadata: metadata}
	e := &entries{kv: kv, id: id, addr: instance.Addr, value: entry.Encode()}
	for _, service := range instance.Services {
		e.keys = append(e.keys, etcd.Prefix(namespace, service)+instance.Addr)
	}
	return e
}

// put lists the instance under a lease, replacing whatever the keys hold.
func (e *entries) put(ctx context.Context, lease clientv3.LeaseID) error {
	for keys := range slices.Chunk(e.keys, maxOps) {
		var puts []clientv3.Op
		for _, key := range keys {
			puts = append(puts, clientv3.OpPut(key, e.value, clientv3.WithLease(lease)))
		}
		if _, err := e.do(ctx, puts); err != nil {
			return fmt.Errorf("put %v: %w", keys, err)
		}
	}
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
	if string(kv.Value) == e.value && kv.Lease == int64(lease) {
		return intact
	}
	found, err := etcd.Decode(kv.Value)
	if id := found.Metadata[etcd.InstanceID]; err == nil && id != "" && id != e.id && kv.Lease != 0 {
		return taken
	}
	return damaged
}

func (e *entries) do(ctx context.Context, ops []clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, etcd.Timeout)
	defer cancel()
	return e.kv.Txn(ctx).Then(ops...).Commit()
}
