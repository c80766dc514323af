// Package etcd connects to the registry.
package etcd

import (
	"fmt"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/acme/shop/internal/platform/access"
)

// Timeout limits one request to etcd.
const Timeout = 3 * time.Second

// notYet is a token that etcd refuses, if it asks for one.
const notYet = "not yet"

// NewClient returns a client for the members at endpoints. It does not wait for a connection, and keeps trying to
// have one until it is closed. It fails when a file can't be used that the access names.
//
// The client's own defaults don't suit a registry: a dead connection is never noticed, and after a long outage the
// next attempt may be two minutes away. Pings without a request in flight stay off, because etcd hangs up on them. Its
// log is off: those who use the client report what matters.
func NewClient(endpoints []string, access access.Access, log *slog.Logger) (*clientv3.Client, error) {
	secured, err := transport(endpoints, access, log)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	cfg := clientv3.Config{
		Endpoints:            endpoints,
		DialTimeout:          2 * time.Second,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
		DialOptions:          []grpc.DialOption{grpc.WithTransportCredentials(secured), grpc.WithConnectParams(connectParams())},
		Logger:               zap.NewNop(),
	}
	if access.Username != "" {
		// With a name and a password the client would log in here and now, and fail while etcd is away. It takes a token
		// on trust; and when that is refused, it logs in.
		cfg.Token = notYet
	}
	client, err := clientv3.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	client.Username, client.Password, client.Token = access.Username, access.Password, ""
	return client, nil
}

// transport returns the credentials of connections.
func transport(endpoints []string, access access.Access, log *slog.Logger) (credentials.TransportCredentials, error) {
	if !access.Secure(endpoints) {
		return insecure.NewCredentials(), nil
	}
	return access.TLS.Credentials(log)
}

func connectParams() grpc.ConnectParams {
	return grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay:  200 * time.Millisecond,
			Multiplier: backoff.DefaultConfig.Multiplier,
			Jitter:     backoff.DefaultConfig.Jitter,
			MaxDelay:   3 * time.Second,
		},
		MinConnectTimeout: 3 * time.Second,
	}
}
