package registry

import (
	"fmt"
	"log/slog"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/discovery"
)

// Open returns the registry of the app, in which there is nothing to list: a Service of Kubernetes has the pods that are
// ready. It checks what the configuration tells of other services, for the app not to start when that can't be read.
func Open(cfg config.Registry, log *slog.Logger) (Registry, error) {
	if _, err := discovery.Open(discovery.Config{Endpoints: cfg.Endpoints, By: cfg.By}); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return None{Log: log, Level: slog.LevelInfo, Reason: "Kubernetes lists the pods of its Services by itself"}, nil
}
