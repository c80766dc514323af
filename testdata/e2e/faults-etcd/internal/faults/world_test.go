package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/acme/shop/internal/platform/access"
	"github.com/acme/shop/internal/platform/etcd"
	"github.com/acme/shop/internal/platform/registry"
	"github.com/acme/shop/pkg/client"
)

const ttl = 2 * time.Second

// as is at for an etcd that doesn't let everybody in.
func as(by access.Access, endpoints ...string) client.Config {
	cfg := at(endpoints...)
	cfg.Access = by
	return cfg
}

// register starts a server, and has it registered at endpoints.
func register(t *testing.T, endpoints ...string) *instance {
	t.Helper()
	return list(t, serve(t), as(access.Access{}, endpoints...), ttl)
}

// registerAs is register for an etcd that doesn't let everybody in.
func registerAs(t *testing.T, by access.Access, endpoints ...string) *instance {
	t.Helper()
	return list(t, serve(t), as(by, endpoints...), ttl)
}

// list registers a server.
func list(t *testing.T, s *server, cfg client.Config, ttl time.Duration) *instance {
	t.Helper()
	connection, err := etcd.NewClient(cfg.Endpoints, cfg.Access, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	return registered(t, s, described, func(log *slog.Logger) (*registry.Registrar, error) {
		return registry.NewEtcd(connection, namespace, ttl, log)
	})
}

// listed returns the ids in etcd.
func listed(ctx context.Context, c *clientv3.Client) []string {
	response, err := c.Get(ctx, etcd.Prefix(namespace, service), clientv3.WithPrefix())
	if err != nil {
		return []string{"unknown: " + err.Error()}
	}
	ids := []string{}
	for _, kv := range response.Kvs {
		ids = append(ids, strings.TrimPrefix(string(kv.Key), etcd.Prefix(namespace, service)))
	}
	return ids
}

// awaitListed waits until exactly these instances are listed.
func awaitListed(t *testing.T, c *clientv3.Client, limit time.Duration, instances ...*instance) {
	t.Helper()
	want := []string{}
	for _, i := range instances {
		want = append(want, i.addr)
	}
	slices.Sort(want)
	eventually(t, limit, fmt.Sprintf("%d listed", len(want)), func(ctx context.Context) bool {
		return slices.Equal(listed(ctx, c), want)
	})
}

// awaitLeases waits until etcd has as many leases as there are instances: none has leaked.
func awaitLeases(t *testing.T, c *clientv3.Client, want int) {
	t.Helper()
	eventually(t, ttl+3*time.Second, fmt.Sprintf("%d leases", want), func(ctx context.Context) bool {
		leases, err := c.Leases(ctx)
		return err == nil && len(leases.Leases) == want
	})
}
