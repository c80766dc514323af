// Package etcd connects to the registry. It is where credentials and TLS for etcd belong.
package etcd

import (
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Timeout limits one request to etcd.
const Timeout = 3 * time.Second

// NewClient returns a client for the members at endpoints. It does not wait for a connection, and keeps trying to
// have one until it is closed.
//
// The client's own defaults don't suit a registry: a dead connection is never noticed, and after a long outage the
// next attempt may be two minutes away. Pings without a request in flight stay off, because etcd hangs up on them. Its
// log is off: those who use the client report what matters.
func NewClient(endpoints []string) (*clientv3.Client, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		DialTimeout:          2 * time.Second,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay:  200 * time.Millisecond,
				Multiplier: backoff.DefaultConfig.Multiplier,
				Jitter:     backoff.DefaultConfig.Jitter,
				MaxDelay:   3 * time.Second,
			},
			MinConnectTimeout: 3 * time.Second,
		})},
		Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	return client, nil
}
