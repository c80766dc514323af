package registry

import (
	"crypto/rand"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Etcd lists an instance in etcd's official format for gRPC: one key <namespace>/<service>/<addr> per service, all
// under one lease. The address makes the key, so that an app that is started again replaces what a crash has left
// behind.
//
// Of two processes that are told to advertise one address, the one that started last is listed. The other stands by,
// and takes over when that is gone.
type Etcd struct {
	namespace string
	ttl       time.Duration
	log       *slog.Logger
	kv        clientv3.KV
	lease     clientv3.Lease
	close     func() error

	id     string // of the process, which an address may not be
	listed bool   // has been, at least once
}

// NewEtcd returns a registry that uses client, and closes it in the end.
func NewEtcd(client *clientv3.Client, namespace string, ttl time.Duration, log *slog.Logger) (*Registrar, error) {
	log = log.With("etcd", client.Endpoints(), "namespace", namespace)
	lister := &Etcd{
		namespace: namespace, ttl: ttl, log: log,
		kv: client.KV, lease: client.Lease, close: client.Close, id: rand.Text(),
	}
	return NewRegistrar(lister, ttl, log)
}

// Close implements Lister.
func (e *Etcd) Close() error { return e.close() }
