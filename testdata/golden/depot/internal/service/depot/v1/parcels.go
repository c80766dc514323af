package depotv1

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/depot/gen/depot/v1"
	"example.com/depot/internal/service"
)

// Parcels implements depot.v1.Parcels.
//
// Parcels takes parcels in.
type Parcels struct {
	pb.UnimplementedParcelsServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewParcels returns a handler that works with deps. The wiring in gen/ calls it.
func NewParcels(deps service.Deps) *Parcels {
	return &Parcels{deps: deps}
}

// Accept takes a parcel, and says when it will be there.
func (h *Parcels) Accept(ctx context.Context, req *pb.AcceptRequest) (*pb.AcceptResponse, error) {
	return nil, status.Error(codes.Unimplemented, "depot.v1.Parcels.Accept is not implemented")
}
