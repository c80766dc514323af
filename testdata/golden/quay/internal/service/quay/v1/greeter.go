package quayv1

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/quay/gen/quay/v1"
	"example.com/quay/internal/service"
)

// Greeter implements quay.v1.Greeter.
//
// Greeter is the service to start from: rename it, change it, add others.
type Greeter struct {
	pb.UnimplementedGreeterServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewGreeter returns a handler that works with deps. The wiring in gen/ calls it.
func NewGreeter(deps service.Deps) *Greeter {
	return &Greeter{deps: deps}
}

// SayHello greets one caller.
func (h *Greeter) SayHello(ctx context.Context, req *pb.SayHelloRequest) (*pb.SayHelloResponse, error) {
	return nil, status.Error(codes.Unimplemented, "quay.v1.Greeter.SayHello is not implemented")
}

// Greetings greets again and again, until the caller has had enough.
func (h *Greeter) Greetings(req *pb.GreetingsRequest, stream grpc.ServerStreamingServer[pb.GreetingsResponse]) error {
	return status.Error(codes.Unimplemented, "quay.v1.Greeter.Greetings is not implemented")
}
