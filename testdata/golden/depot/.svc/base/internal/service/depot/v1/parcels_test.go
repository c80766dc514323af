package depotv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "example.com/depot/gen/depot/v1"
	"example.com/depot/internal/platform/grpctest"
	"example.com/depot/internal/service"
)

// newParcelsClient returns a client of a Parcels that runs as in production. Give its Deps fakes here.
func newParcelsClient(t *testing.T) pb.ParcelsClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterParcelsServer(r, NewParcels(service.Deps{}))
	})
	return pb.NewParcelsClient(conn)
}

func TestParcels_Accept(t *testing.T) {
	tests := map[string]*pb.AcceptRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newParcelsClient(t).Accept(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}
