// Command storefront serves the services that gen/wire/storefront lists.
package main

import (
	"os"

	"google.golang.org/grpc"

	"github.com/acme/shop/gen/clients"
	wire "github.com/acme/shop/gen/wire/storefront"
	"github.com/acme/shop/internal/platform/app"
	"github.com/acme/shop/internal/platform/config"
	"github.com/acme/shop/internal/service"
	"github.com/acme/shop/pkg/client"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	cfg, err := config.Load("storefront", version, os.Args[1:])
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
		Access:    cfg.Registry.Access(),
		Targets:   cfg.Client.Targets,
		Balancing: cfg.Client.Balancing,
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
