package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/health"
	"example.com/quay/internal/platform/registry"
)

const service = "grpc.testing.TestService"

func newApp(t *testing.T) *App {
	t.Helper()
	cfg := config.Default()
	cfg.App = config.App{Name: "shop", Version: "v1.2.3"}
	cfg.Server.GRPC.Addr = "127.0.0.1:0"
	cfg.Server.Admin.Addr = "127.0.0.1:0"
	cfg.Log.Format = "text"
	cfg.Shutdown.Drain = 0
	a, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// witness is a registry that looks at the app whenever the app talks to it.
type witness struct {
	registered   chan registry.Instance
	onRegister   func()
	onDeregister func()
}

func (w *witness) Register(instance registry.Instance) {
	w.onRegister()
	w.registered <- instance
}

func (w *witness) Deregister(context.Context) error {
	w.onDeregister()
	return errors.New("it can't be reached") // must not keep the app from leaving
}

// blocking has calls that take until they are released, or cut off.
type blocking struct {
	testgrpc.UnimplementedTestServiceServer
	entered, release chan struct{}
	returned         atomic.Bool
}

// EmptyCall does not notice when it is cut off.
func (b *blocking) EmptyCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	close(b.entered)
	<-b.release
	return &testgrpc.Empty{}, nil
}

// UnaryCall takes a moment to tidy up once it is cut off.
func (b *blocking) UnaryCall(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	close(b.entered)
	<-ctx.Done()
	<-time.After(50 * time.Millisecond)
	b.returned.Store(true)
	return nil, ctx.Err()
}

// running is an app that runs, a connection to it, and the way to stop it.
type running struct {
	*App
	conn     *grpc.ClientConn
	handler  *blocking
	registry *witness
	stop     context.CancelFunc
	ended    chan error
}

func run(t *testing.T, a *App) *running {
	t.Helper()
	conn, err := grpc.NewClient(a.listeners.grpc.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{
		App: a, conn: conn, stop: cancel, ended: make(chan error, 1),
		handler: &blocking{entered: make(chan struct{}), release: make(chan struct{})},
	}
	r.registry = &witness{
		registered:   make(chan registry.Instance, 1),
		onRegister:   func() { r.expectHealth(t, healthpb.HealthCheckResponse_SERVING) },
		onDeregister: func() { r.expectHealth(t, healthpb.HealthCheckResponse_NOT_SERVING) },
	}
	a.registry = r.registry
	go func() {
		r.ended <- a.Run(ctx, func(s grpc.ServiceRegistrar) { testgrpc.RegisterTestServiceServer(s, r.handler) })
	}()
	return r
}

// expectHealth asks over the network, so it also shows that calls are taken.
func (r *running) expectHealth(t *testing.T, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, name := range []string{"", service} {
		got, err := healthpb.NewHealthClient(r.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: name})
		if err != nil || got.GetStatus() != want {
			t.Errorf("health of %q: got %v, %v, want %v", name, got.GetStatus(), err, want)
		}
	}
}

func TestRunServesThenRegistersAndLeavesTheOtherWayRound(t *testing.T) {
	r := run(t, newApp(t))

	instance := <-r.registry.registered
	if instance.Addr != r.listeners.grpc.Addr().String() || fmt.Sprint(instance.Services) != "["+service+"]" {
		t.Errorf("got %+v", instance)
	}
	want := "map[app:shop environment:dev version:v1.2.3 weight:1]"
	if got := fmt.Sprint(instance.Metadata); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	resp, err := http.Get("http://" + r.listeners.admin.Addr().String() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("readyz: got %d", resp.StatusCode)
	}

	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if r.ready() {
		t.Error("ready after the end")
	}
}

func TestCheckKeepsCallersAway(t *testing.T) {
	a := newApp(t)
	a.cfg.Health.Interval = time.Millisecond
	a.monitor, _ = health.NewMonitor(a.cfg.Health, a.log) // it has worked before
	var broken atomic.Bool
	broken.Store(true)
	checked := make(chan struct{}, 1)
	a.Check("database", func(context.Context) error {
		select {
		case checked <- struct{}{}:
		default:
		}
		if broken.Load() {
			return errors.New("it can't be reached")
		}
		return nil
	})
	r := run(t, a)
	<-checked
	<-checked
	r.expectHealth(t, healthpb.HealthCheckResponse_NOT_SERVING)
	select {
	case <-r.registry.registered:
		t.Error("registered before it is healthy")
	default:
	}
	broken.Store(false)
	<-r.registry.registered
	r.expectHealth(t, healthpb.HealthCheckResponse_SERVING)
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownFinishesCallsInFlight(t *testing.T) {
	r := run(t, newApp(t))
	answered := make(chan error, 1)
	go func() {
		_, err := testgrpc.NewTestServiceClient(r.conn).EmptyCall(context.Background(), &testgrpc.Empty{}, grpc.WaitForReady(true))
		answered <- err
	}()
	<-r.handler.entered
	left := make(chan struct{})
	deregister := r.registry.onDeregister
	r.registry.onDeregister = func() { deregister(); close(left) }

	r.stop()
	<-left
	close(r.handler.release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	a := newApp(t)
	a.cfg.Shutdown.Timeout = time.Millisecond
	r := run(t, a)
	answered := make(chan error, 1)
	go func() {
		_, err := testgrpc.NewTestServiceClient(r.conn).EmptyCall(context.Background(), &testgrpc.Empty{}, grpc.WaitForReady(true))
		answered <- err
	}()
	<-r.handler.entered
	t.Cleanup(func() { close(r.handler.release) })

	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if err := <-answered; status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestShutdownWaitsForHandlersThatWereCutOff(t *testing.T) {
	a := newApp(t)
	a.cfg.Shutdown.Timeout = time.Millisecond
	r := run(t, a)
	answered := make(chan error, 1)
	go func() {
		_, err := testgrpc.NewTestServiceClient(r.conn).UnaryCall(context.Background(), &testgrpc.SimpleRequest{}, grpc.WaitForReady(true))
		answered <- err
	}()
	<-r.handler.entered

	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if !r.handler.returned.Load() {
		t.Error("a handler still works with what the app is about to close")
	}
	if err := <-answered; status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestShutdownEndsWatches(t *testing.T) {
	const (
		serving    = healthpb.HealthCheckResponse_SERVING
		notServing = healthpb.HealthCheckResponse_NOT_SERVING
		unknown    = healthpb.HealthCheckResponse_SERVICE_UNKNOWN
	)
	tests := map[string]struct {
		service string
		want    []healthpb.HealthCheckResponse_ServingStatus
	}{
		"of the app":                {"", []healthpb.HealthCheckResponse_ServingStatus{serving, notServing}},
		"of a service":              {service, []healthpb.HealthCheckResponse_ServingStatus{serving, notServing}},
		"of one that is not served": {"a.v1.A", []healthpb.HealthCheckResponse_ServingStatus{unknown}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			a.cfg.Shutdown.Timeout = time.Hour
			r := run(t, a)
			<-r.registry.registered
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			watch, err := healthpb.NewHealthClient(r.conn).Watch(ctx, &healthpb.HealthCheckRequest{Service: test.service})
			if err != nil {
				t.Fatal(err)
			}
			var got []healthpb.HealthCheckResponse_ServingStatus
			for {
				var answer *healthpb.HealthCheckResponse
				if answer, err = watch.Recv(); err != nil {
					break
				}
				got = append(got, answer.GetStatus())
				r.stop() // once there is a watch
			}
			if status.Code(err) != codes.Unavailable || !slices.Equal(got, test.want) {
				t.Errorf("got %v and %v, want %v and Unavailable", got, err, test.want)
			}
			if err := <-r.ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRunEndsWhenAServerFails(t *testing.T) {
	a := newApp(t)
	if err := a.listeners.admin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-run(t, a).ended; err == nil || !strings.Contains(err.Error(), "serve admin") {
		t.Errorf("got %v", err)
	}
}

// unreachable is a listener at an address that others can't dial.
type unreachable struct{ net.Listener }

func (unreachable) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "shop.sock"} }

func TestRunNeedsAnAddressOnlyToAdvertiseIt(t *testing.T) {
	tests := map[string]struct {
		registry registry.Registry
		want     string
	}{
		"listed nowhere":   {registry.None{Log: slog.New(slog.DiscardHandler)}, "<nil>"},
		"to be registered": {&witness{}, "advertise shop.sock"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			a.listeners.grpc, a.registry = unreachable{a.listeners.grpc}, test.registry
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // it starts, and ends at once
			if err := a.Run(ctx, func(grpc.ServiceRegistrar) {}); !strings.HasPrefix(fmt.Sprint(err), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestNewSaysWhichAddressIsInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := map[string]func(*config.Config, string){
		"server.grpc.addr":  func(c *config.Config, addr string) { c.Server.GRPC.Addr = addr },
		"server.admin.addr": func(c *config.Config, addr string) { c.Server.Admin.Addr = addr },
	}
	for key, occupy := range tests {
		cfg := config.Default()
		cfg.Server.GRPC.Addr, cfg.Server.Admin.Addr = "127.0.0.1:0", "127.0.0.1:0"
		occupy(&cfg, taken.Addr().String())
		if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func TestExitCode(t *testing.T) {
	tests := map[string]struct {
		err  error
		want int
	}{
		"nothing":         {nil, 0},
		"asked for help":  {config.Printed(""), 0},
		"a failure":       {errors.New("failure on purpose"), 1},
		"a configuration": {fmt.Errorf("%w: mistake on purpose", config.ErrInvalid), 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ExitCode(test.err); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
