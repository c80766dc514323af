// Command quay serves the services that gen/wire/quay lists.
package main

import (
	"os"

	"google.golang.org/grpc"

	"example.com/quay/gen/clients"
	wire "example.com/quay/gen/wire/quay"
	"example.com/quay/internal/platform/app"
	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/service"
	"example.com/quay/pkg/client"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	cfg, err := config.Load("quay", version, os.Args[1:])
	if err == nil {
		err = run(cfg)
	}
	os.Exit(app.ExitCode(err))
}

func run(cfg config.Config) error {
	ctx, stop := app.SignalContext()
	defer stop()

	process, err := app.New(ctx, cfg)
	if err != nil {
		return err
	}

	calls, hangUp, err := clients.Dial(client.Config{
		Endpoints: cfg.Registry.Endpoints,
		Namespace: cfg.Registry.Namespace,
		CacheDir:  cfg.Registry.CacheDir,
		By:        cfg.Registry.By,
		Zone:      cfg.Registry.Zone,
		Targets:   cfg.Client.Targets,
		Balancing: cfg.Client.Balancing,
		Subset:    cfg.Client.Subset,
		Canary:    cfg.Client.Canary,
		Breaker:   client.Breaker(cfg.Client.Breaker),
		Propagate: cfg.Client.Propagate,
	})
	if err != nil {
		return err
	}
	defer hangUp()

	// What handlers need is opened here, closed with defer, and handed to them in service.Deps.
	deps := service.Deps{Clients: calls}

	return process.Run(ctx, func(r grpc.ServiceRegistrar) { wire.Register(r, deps) })
}
