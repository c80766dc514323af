package app

import (
	"context"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"example.com/quay/internal/platform/config"
)

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

// grace is how long Kubernetes lets an app take to end, and so does deploy/compose.yaml.
const grace = 30 * time.Second

// inMemory is a listener whose connections are known to package synctest.
type inMemory struct{ *bufconn.Listener }

func (inMemory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9090} }

// runInBubble runs an app that takes as long to end as one that is told nothing.
func runInBubble(t *testing.T) *running {
	t.Helper()
	a := newApp(t)
	_, _ = a.listeners.grpc.Close(), a.listeners.admin.Close()
	network := bufconn.Listen(1 << 16)
	a.listeners = listeners{grpc: inMemory{network}, admin: inMemory{bufconn.Listen(1 << 16)}}
	a.cfg.Shutdown = config.Default().Shutdown
	r := run(t, a, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return network.DialContext(ctx) }))
	<-r.registry.registered
	return r
}

// expectEnd waits for the end, which has to come in time.
func (r *running) expectEnd(t *testing.T, asked time.Time, limit time.Duration) {
	t.Helper()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(asked); took > limit {
		t.Errorf("ended after %v, want %v", took, limit)
	}
}

func TestShutdownFinishesACallOf20Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runInBubble(t)
		answered := make(chan error, 1)
		go func() {
			_, err := testgrpc.NewTestServiceClient(r.conn).EmptyCall(context.Background(), &testgrpc.Empty{})
			answered <- err
		}()
		<-r.handler.entered
		time.Sleep(time.Millisecond)
		asked := time.Now()
		r.stop()
		time.Sleep(20*time.Second - time.Millisecond)
		close(r.handler.release)
		if err := <-answered; err != nil {
			t.Error(err)
		}
		r.expectEnd(t, asked, grace)
	})
}

func TestShutdownFitsIntoGraceWhateverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runInBubble(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() { _, _ = testgrpc.NewTestServiceClient(r.conn).EmptyCall(ctx, &testgrpc.Empty{}) }()
		<-r.handler.entered
		defer close(r.handler.release)
		r.registry.onDeregister = func() { time.Sleep(deregisterTimeout) }
		asked := time.Now()
		r.stop()
		r.expectEnd(t, asked, grace-flushTimeout)
	})
}

func TestShutdownEndsEndlessStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runInBubble(t)
		stream, err := testgrpc.NewTestServiceClient(r.conn).StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
		if err != nil {
			t.Fatal(err)
		}
		watch, err := healthpb.NewHealthClient(r.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		watched := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				_, err = watch.Recv()
			}
			watched <- err
		}()
		asked, received := time.Now(), 0
		for ; err == nil; received++ {
			if _, err = stream.Recv(); received == 0 {
				r.stop() // once both are under way
			}
		}
		served := int(r.cfg.Shutdown.Timeout / time.Second)
		if status.Code(err) != codes.Unavailable || received < served {
			t.Errorf("the stream has sent %d times in %d s, and ends with %v", received, served, err)
		}
		if err := <-watched; status.Code(err) != codes.Unavailable {
			t.Errorf("the watch ends with %v", err)
		}
		r.expectEnd(t, asked, grace-flushTimeout)
	})
}
