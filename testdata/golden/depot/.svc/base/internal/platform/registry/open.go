package registry

import (
	"fmt"
	"log/slog"

	"example.com/depot/internal/platform/config"
	"example.com/depot/internal/platform/discovery"
)

// Open returns the registry of the app, in which nothing is listed: those who call the app are told by their own
// configuration where it is. It checks what this app's configuration tells of others, for the app not to start when that
// can't be read.
func Open(cfg config.Registry, log *slog.Logger) (Registry, error) {
	if _, err := discovery.Open(discovery.Config{Endpoints: cfg.Endpoints}); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return None{Log: log, Level: slog.LevelInfo, Reason: "where services are is configured: svc.yaml says registry: static"}, nil
}
