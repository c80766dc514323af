package quayv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "example.com/quay/gen/quay/v1"
	"example.com/quay/internal/platform/grpctest"
	"example.com/quay/internal/service"
)

// newGreeterClient returns a client of a Greeter that runs as in production. Give its Deps fakes here.
func newGreeterClient(t *testing.T) pb.GreeterClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterGreeterServer(r, NewGreeter(service.Deps{}))
	})
	return pb.NewGreeterClient(conn)
}

func TestGreeter_SayHello(t *testing.T) {
	tests := map[string]*pb.SayHelloRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newGreeterClient(t).SayHello(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestGreeter_Greetings(t *testing.T) {
	tests := map[string]*pb.GreetingsRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newGreeterClient(t).Greetings(grpctest.StreamContext(t), req)
			grpctest.CheckStatus(t, err)
			grpctest.ReceiveAll(t, stream)
		})
	}
}
