package registry

import (
	"fmt"
	"log/slog"

	"example.com/harbour/internal/platform/config"
	"example.com/harbour/internal/platform/consul"
)

// Open returns the registry that the app is configured for. It does not connect yet. An app registers with one agent, the
// first that is configured: what two agents list is there twice, and none of them knows of the other's entry.
func Open(cfg config.Registry, log *slog.Logger) (Registry, error) {
	if len(cfg.Endpoints) == 0 {
		return None{Log: log, Level: slog.LevelWarn, Reason: "registry.endpoints is empty: other services can't find this one, only dial its address"}, nil
	}
	client, err := consul.NewClient(cfg.Endpoints[0], string(cfg.Token), log)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	registry, err := NewConsul(client, cfg.Namespace, cfg.Check, cfg.TTL, log)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return registry, nil
}
