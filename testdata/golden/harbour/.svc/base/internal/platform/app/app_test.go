package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"example.com/harbour/internal/platform/config"
	"example.com/harbour/internal/platform/health"
	"example.com/harbour/internal/platform/registry"
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

// StreamingOutputCall sends for ever, every second.
func (b *blocking) StreamingOutputCall(_ *testgrpc.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]) error {
	for {
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
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

func run(t *testing.T, a *App, options ...grpc.DialOption) *running {
	t.Helper()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient("passthrough:///"+a.listeners.grpc.Addr().String(), options...)
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
