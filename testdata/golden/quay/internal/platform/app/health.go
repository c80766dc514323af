package app

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// healthServer is grpc-go's, with an end to its watches: they would go on until their callers hang up, and hold up the
// shutdown for as long as it waits for calls in flight.
type healthServer struct {
	*health.Server
	serving context.Context // done when watches have to end
	end     context.CancelFunc
}

func newHealthServer() *healthServer {
	h := &healthServer{Server: health.NewServer()}
	h.serving, h.end = context.WithCancel(context.Background())
	return h
}

// Watch tells the caller each change of the status. When the app ends it tells the last one, and ends with
// codes.Unavailable, upon which callers try another connection.
func (h *healthServer) Watch(req *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	stop := context.AfterFunc(h.serving, cancel)
	defer stop()

	w := &watch{Health_WatchServer: stream, ctx: ctx}
	if err := h.Server.Watch(req, w); h.serving.Err() == nil {
		return err
	}
	// grpc-go's Watch may have seen the end before the change that came just ahead of it.
	if now, err := h.Check(ctx, req); err == nil && now.GetStatus() != w.told {
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
