package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/grpctest"
	"example.com/quay/internal/platform/server"
)

// echo answers with what it got, twice.
type echo struct {
	testgrpc.UnimplementedTestServiceServer
}

func (echo) UnaryCall(_ context.Context, req *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	body := req.GetPayload().GetBody()
	return &testgrpc.SimpleResponse{Payload: &testgrpc.Payload{Body: append(body, body...)}}, nil
}

func TestMessageLimits(t *testing.T) {
	cfg := config.Default().Server.GRPC
	cfg.MaxMessageBytes = 1000
	rpc := server.New(cfg, slog.New(slog.DiscardHandler))
	testgrpc.RegisterTestServiceServer(rpc, echo{})
	client := testgrpc.NewTestServiceClient(grpctest.Serve(t, rpc))
	tests := map[string]struct {
		bytes int
		want  codes.Code
	}{
		"small":             {100, codes.OK},
		"request too large": {1001, codes.ResourceExhausted},
		"answer too large":  {600, codes.ResourceExhausted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: bytes.Repeat([]byte("x"), test.bytes)}}
			_, err := client.UnaryCall(grpctest.Context(t), &req)
			if status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
