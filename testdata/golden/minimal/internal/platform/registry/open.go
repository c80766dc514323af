package registry

import (
	"log/slog"

	"example.com/hello/internal/platform/config"
)

// Open returns the registry of the app. This project is without: svc.yaml says registry: none.
func Open(cfg config.Registry, log *slog.Logger) (Registry, error) {
	if len(cfg.Endpoints) > 0 {
		log.Warn("registry.endpoints is ignored: this project has no registry", "endpoints", cfg.Endpoints)
	}
	return None{Log: log, Level: slog.LevelInfo, Reason: "this project has no registry: other services can't find this one, only dial its address"}, nil
}
