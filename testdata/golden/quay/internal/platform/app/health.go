package app

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// healthServer is grpc-go's, with two differences when the app ends.
//
// Its watches end, too: they would go on until their callers hang up, and hold up the shutdown for as long as it waits
// for calls in flight. And they say SERVING as long as calls are taken, while Check, which load balancers and probes ask,
// has denied it from the beginning: a gRPC client that watches sends nothing any more to an instance that is not serving,
// not even when it has yet to connect to another one.
type healthServer struct {
	*health.Server
	watched *health.Server
	serving context.Context // done when watches have to end
	cancel  context.CancelFunc
}

func newHealthServer() *healthServer {
	h := &healthServer{Server: health.NewServer(), watched: health.NewServer()}
	h.serving, h.cancel = context.WithCancel(context.Background())
	return h
}

// SetServingStatus sets the status that Check and Watch tell.
func (h *healthServer) SetServingStatus(service string, status healthpb.HealthCheckResponse_ServingStatus) {
	h.Server.SetServingStatus(service, status)
	h.watched.SetServingStatus(service, status)
}

// end ends the watches.
func (h *healthServer) end() {
	h.watched.Shutdown()
	h.cancel()
}

// Watch tells the caller each change of the status. When the app ends it tells the last one, and ends with
// codes.Unavailable, upon which callers try another connection.
func (h *healthServer) Watch(req *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	stop := context.AfterFunc(h.serving, cancel)
	defer stop()

	w := &watch{Health_WatchServer: stream, ctx: ctx}
	if err := h.watched.Watch(req, w); h.serving.Err() == nil {
		return err
	}
	// grpc-go's Watch may have seen the end before the change that came just ahead of it.
	if now, err := h.watched.Check(ctx, req); err == nil && now.GetStatus() != w.told {
		_ = w.Send(now) // the caller may be gone
	}
	return status.Error(codes.Unavailable, "the app is shutting down")
}

// watch is the stream of a Watch that ends with ctx, and that remembers what the caller has been told.
type watch struct {
	healthpb.Health_WatchServer
	ctx  context.Context
	told healthpb.HealthCheckResponse_ServingStatus
}

func (w *watch) Context() context.Context { return w.ctx }

func (w *watch) Send(answer *healthpb.HealthCheckResponse) error {
	w.told = answer.GetStatus()
	return w.Health_WatchServer.Send(answer)
}
