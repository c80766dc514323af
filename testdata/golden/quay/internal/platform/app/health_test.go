package app

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// watcher is a caller of Watch.
type watcher struct {
	healthpb.Health_WatchServer
	ctx    context.Context
	told   []healthpb.HealthCheckResponse_ServingStatus
	onTold func()
}

func (w *watcher) Context() context.Context { return w.ctx }

func (w *watcher) Send(answer *healthpb.HealthCheckResponse) error {
	w.told = append(w.told, answer.GetStatus())
	w.onTold()
	return nil
}

// When the last status and the end are there together, grpc-go is free to see either first: hence the repetition.
func TestWatchTellsTheLastStatusBeforeItEnds(t *testing.T) {
	want := []healthpb.HealthCheckResponse_ServingStatus{
		healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING,
	}
	for range 100 {
		h := newHealthServer()
		h.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		ctx, cancel := context.WithCancel(t.Context())
		w := &watcher{ctx: ctx, onTold: func() {
			h.Shutdown()
			h.end()
			cancel() // so that the stream has ended when Send returns
		}}
		err := h.Watch(&healthpb.HealthCheckRequest{}, w)
		if status.Code(err) != codes.Unavailable || !slices.Equal(w.told, want) {
			t.Fatalf("got %v, %v", w.told, err)
		}
	}
}

func TestWatchEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := newHealthServer().Watch(&healthpb.HealthCheckRequest{}, &watcher{ctx: ctx, onTold: cancel})
	if status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
}
