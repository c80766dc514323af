// Package app is the life of the process: what is started in which order, and how it ends.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"example.com/billing/v2/internal/platform/admin"
	"example.com/billing/v2/internal/platform/config"
	"example.com/billing/v2/internal/platform/health"
	"example.com/billing/v2/internal/platform/registry"
	"example.com/billing/v2/internal/platform/server"
	"example.com/billing/v2/internal/platform/telemetry"
)

// App is a process that serves gRPC.
type App struct {
	cfg       config.Config
	log       *slog.Logger
	listeners listeners
	telemetry *telemetry.Telemetry
	registry  registry.Registry
	health    *healthServer
	monitor   *health.Monitor
}

type listeners struct {
	grpc, admin net.Listener
}

// New sets up logging, for package slog as well, binds the listeners and starts telemetry. It comes before anything
// else, so that an address in use is found before a database is touched. Nothing is served yet.
func New(ctx context.Context, cfg config.Config) (*App, error) {
	log := telemetry.NewLogger(cfg.Log, os.Stderr)
	slog.SetDefault(log)
	listeners, err := listen(cfg.Server)
	if err != nil {
		return nil, err
	}
	traces, err := telemetry.Start(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	services, err := registry.Open(cfg.Registry, log)
	if err != nil {
		return nil, err
	}
	monitor, err := health.NewMonitor(cfg.Health, log)
	if err != nil {
		return nil, err
	}
	return &App{
		cfg: cfg, log: log, listeners: listeners, telemetry: traces, registry: services, health: newHealthServer(), monitor: monitor,
	}, nil
}

// Check has do tried again and again while the app runs. It is for what the app can't serve without: while do fails the
// app says that it should not be called, and it is not registered before do has succeeded. What the app can do without,
// or what all its instances would miss together, is better not checked: an app that answers with errors can be found.
func (a *App) Check(name string, do func(context.Context) error) { a.monitor.Add(name, do) }

func listen(cfg config.Server) (listeners, error) {
	rpc, err := net.Listen("tcp", cfg.GRPC.Addr)
	if err != nil {
		return listeners{}, fmt.Errorf("server.grpc.addr: %w", err)
	}
	operators, err := net.Listen("tcp", cfg.Admin.Addr)
	if err != nil {
		return listeners{}, errors.Join(fmt.Errorf("server.admin.addr: %w", err), rpc.Close())
	}
	return listeners{grpc: rpc, admin: operators}, nil
}

// Run serves what register registers until ctx is done, and then leaves in good order. The app is listed in the
// registry after it serves, and taken off before it stops serving.
func (a *App) Run(ctx context.Context, register func(grpc.ServiceRegistrar)) error {
	rpc := server.New(a.cfg.Server.GRPC, a.log)
	register(rpc)
	services := slices.Sorted(maps.Keys(rpc.GetServiceInfo()))
	instance, err := a.instance(services)
	if err != nil {
		return err
	}
	a.addInfrastructure(rpc)
	a.setServing(services, false) // yet
	operators := admin.New(a.cfg.Server.Admin, a.telemetry.Handler(), a.ready)

	failed := a.serve(rpc, operators)
	healthy := a.monitor.Start(ctx, func(healthy bool) { a.setServing(services, healthy) })
	a.log.Info("serving", "grpc", a.listeners.grpc.Addr().String(), "admin", a.listeners.admin.Addr().String(),
		"version", a.cfg.App.Version, "environment", a.cfg.Environment)
	select {
	case <-healthy:
		a.registry.Register(instance)
		err = ended(ctx, failed)
	case err = <-failed:
	case <-ctx.Done():
	}
	a.shutdown(rpc, operators)
	return err
}

// ended waits until a server has failed, or ctx is done.
func ended(ctx context.Context, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (a *App) instance(services []string) (registry.Instance, error) {
	addr, err := registry.Advertise(a.cfg.Server.Advertise, a.listeners.grpc.Addr())
	if _, nowhere := a.registry.(registry.None); nowhere && err != nil {
		addr, err = a.listeners.grpc.Addr().String(), nil // nobody is told to dial it
	}
	if err != nil {
		return registry.Instance{}, err
	}
	return registry.Instance{
		Services: services,
		Addr:     addr,
		Metadata: a.metadata(),
	}, nil
}

// metadata is what the registry tells callers of the app.
func (a *App) metadata() map[string]string {
	metadata := map[string]string{
		"app": a.cfg.App.Name, "version": a.cfg.App.Version, "environment": a.cfg.Environment,
		"weight": strconv.Itoa(a.cfg.Registry.Weight),
	}
	if a.cfg.Registry.Zone != "" {
		metadata["zone"] = a.cfg.Registry.Zone
	}
	return metadata
}

// addInfrastructure registers the services that every app has, which the registry doesn't list.
func (a *App) addInfrastructure(rpc *grpc.Server) {
	healthpb.RegisterHealthServer(rpc, a.health)
	if a.cfg.Server.Reflection {
		reflection.Register(rpc)
	}
}

// serve starts both servers. The channel gets the error of one that ends without having been told to.
func (a *App) serve(rpc *grpc.Server, operators *http.Server) <-chan error {
	failed := make(chan error, 2)
	go func() {
		if err := rpc.Serve(a.listeners.grpc); err != nil {
			failed <- fmt.Errorf("serve gRPC: %w", err)
		}
	}()
	go func() {
		if err := operators.Serve(a.listeners.admin); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve admin: %w", err)
		}
	}()
	return failed
}

// setServing tells callers whether the app should be called.
func (a *App) setServing(services []string, serving bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if serving {
		status = healthpb.HealthCheckResponse_SERVING
	}
	for _, service := range append(services, "") {
		a.health.SetServingStatus(service, status)
	}
}

func (a *App) ready() bool {
	answer, err := a.health.Check(context.Background(), &healthpb.HealthCheckRequest{})
	return err == nil && answer.GetStatus() == healthpb.HealthCheckResponse_SERVING
}

const (
	deregisterTimeout = 2 * time.Second
	handlerTimeout    = time.Second // for handlers that have been cut off to notice
	flushTimeout      = 3 * time.Second
)

// shutdown loses no call that can still be finished: first everybody is told not to come, then who is there is served.
func (a *App) shutdown(rpc *grpc.Server, operators *http.Server) {
	a.log.Info("shutting down")
	a.health.Shutdown()
	a.within(deregisterTimeout, "leave the registry", a.registry.Deregister)
	time.Sleep(a.cfg.Shutdown.Drain)
	a.finish(rpc)
	a.within(flushTimeout, "send the last telemetry", a.telemetry.Shutdown)
	if err := operators.Close(); err != nil {
		a.log.Warn("close admin server", "error", err)
	}
	a.log.Info("stopped")
}

// within does a step of the shutdown that may fail without keeping the app from leaving.
func (a *App) within(timeout time.Duration, step string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := do(ctx); err != nil {
		a.log.Warn("shutdown step failed", "step", step, "error", err)
	}
}

// finish takes no new calls, waits for those in flight, and cuts off what is left after the timeout.
func (a *App) finish(rpc *grpc.Server) {
	finished := make(chan struct{})
	go func() {
		rpc.GracefulStop() // returns when the last handler has
		close(finished)
	}()
	a.health.end() // together with GracefulStop's word to its callers
	select {
	case <-finished:
		return
	case <-time.After(a.cfg.Shutdown.Timeout):
		a.log.Warn("calls in flight are cut off", "after", a.cfg.Shutdown.Timeout.String())
	}
	rpc.Stop() // the handlers' contexts are done; what they still use is closed when Run returns
	select {
	case <-finished:
	case <-time.After(handlerTimeout):
		a.log.Warn("handlers that were cut off have not returned", "after", handlerTimeout.String())
	}
}
