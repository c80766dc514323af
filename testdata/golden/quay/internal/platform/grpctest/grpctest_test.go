package grpctest

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// handler answers one way or another.
type handler struct {
	testgrpc.UnimplementedTestServiceServer
	unary  func() error
	stream func(grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]) error
}

func (h handler) EmptyCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, h.unary()
}

func (h handler) StreamingOutputCall(_ *testgrpc.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]) error {
	return h.stream(stream)
}

func dial(t *testing.T, h handler) testgrpc.TestServiceClient {
	t.Helper()
	return testgrpc.NewTestServiceClient(Dial(t, func(r grpc.ServiceRegistrar) { testgrpc.RegisterTestServiceServer(r, h) }))
}

func TestAccident(t *testing.T) {
	tests := map[string]struct {
		answer func() error
		want   bool
	}{
		"OK":                 {func() error { return nil }, false},
		"a status":           {func() error { return status.Error(codes.NotFound, "") }, false},
		"not implemented":    {func() error { return status.Error(codes.Unimplemented, "") }, false},
		"a plain error":      {func() error { return errors.New("plain") }, true},
		"a panic":            {func() error { panic("on purpose") }, true},
		"a context's error":  {func() error { return context.DeadlineExceeded }, true},
		"an internal status": {func() error { return status.Error(codes.Internal, "") }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := dial(t, handler{unary: test.answer}).EmptyCall(Context(t), &testgrpc.Empty{})
			if got := accident(err); (got != "") != test.want {
				t.Errorf("%v: got %q", err, got)
			}
		})
	}
}

func TestReceiveAll(t *testing.T) {
	type stream = grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]
	send := func(s stream, n int) error {
		for range n {
			if err := s.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
				return err
			}
		}
		return nil
	}
	tests := map[string]struct {
		stream func(stream) error
		want   int
	}{
		"one that ends":          {func(s stream) error { return send(s, 3) }, 3},
		"one that stays silent":  {func(s stream) error { <-s.Context().Done(); return s.Context().Err() }, 0},
		"one that goes on":       {func(s stream) error { return send(s, 10*maxReceived) }, maxReceived},
		"one that is refused":    {func(stream) error { return status.Error(codes.PermissionDenied, "") }, 0},
		"one that breaks in two": {func(s stream) error { return errors.Join(send(s, 1), status.Error(codes.Aborted, "")) }, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := dial(t, handler{stream: test.stream}).StreamingOutputCall(StreamContext(t), &testgrpc.StreamingOutputCallRequest{})
			CheckStatus(t, err)
			if got := len(ReceiveAll(t, s)); got != test.want {
				t.Errorf("got %d messages, want %d", got, test.want)
			}
		})
	}
}

func TestSendAllStopsWhenTheHandlerHasAnswered(t *testing.T) {
	sent := 0
	SendAll(t, sender(func() error { sent++; return io.EOF }), []*testgrpc.Empty{{}, {}})
	if sent != 1 {
		t.Errorf("sent %d", sent)
	}
}

type sender func() error

func (s sender) Send(*testgrpc.Empty) error { return s() }
