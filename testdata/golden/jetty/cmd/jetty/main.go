// Command jetty serves the services that gen/wire/jetty lists.
package main

import (
	"os"

	"google.golang.org/grpc"

	"example.com/jetty/gen/clients"
	wire "example.com/jetty/gen/wire/jetty"
	"example.com/jetty/internal/platform/app"
	"example.com/jetty/internal/platform/config"
	"example.com/jetty/internal/service"
	"example.com/jetty/pkg/client"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	cfg, err := config.Load("jetty", version, os.Args[1:])
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
		Interval:  cfg.Registry.Interval,
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
