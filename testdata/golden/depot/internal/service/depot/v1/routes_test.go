package depotv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "example.com/depot/gen/depot/v1"
	"example.com/depot/internal/platform/grpctest"
	"example.com/depot/internal/service"
)

// newRoutesClient returns a client of a Routes that runs as in production. Give its Deps fakes here.
func newRoutesClient(t *testing.T) pb.RoutesClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterRoutesServer(r, NewRoutes(service.Deps{}))
	})
	return pb.NewRoutesClient(conn)
}

func TestRoutes_Plan(t *testing.T) {
	tests := map[string]*pb.PlanRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newRoutesClient(t).Plan(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}
