package registry

import (
	"fmt"
	"log/slog"

	"example.com/billing/v2/internal/platform/config"
	"example.com/billing/v2/internal/platform/etcd"
)

// Open returns the registry that the app is configured for. It does not connect yet.
func Open(cfg config.Registry, log *slog.Logger) (Registry, error) {
	if len(cfg.Endpoints) == 0 {
		return None{Log: log, Level: slog.LevelWarn, Reason: "registry.endpoints is empty: other services can't find this one, only dial its address"}, nil
	}
	client, err := etcd.NewClient(cfg.Endpoints, cfg.Access(), log)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	registry, err := NewEtcd(client, cfg.Namespace, cfg.TTL, log)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return registry, nil
}
