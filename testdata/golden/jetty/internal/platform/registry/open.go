package registry

import (
	"fmt"
	"log/slog"

	"example.com/jetty/internal/platform/config"
)

// Open returns the registry that the app is configured for. It sends nothing yet.
func Open(cfg config.Registry, log *slog.Logger) (Registry, error) {
	if len(cfg.Endpoints) == 0 {
		return None{Log: log, Level: slog.LevelWarn, Reason: "registry.endpoints is empty: other services can't find this one, only dial its address"}, nil
	}
	registry, err := NewMDNS(cfg.Endpoints, cfg.Namespace, cfg.TTL, log)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return registry, nil
}
