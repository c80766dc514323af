package depotv1

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/depot/gen/depot/v1"
	"example.com/depot/internal/service"
)

// Routes implements depot.v1.Routes.
//
// Routes knows the ways from here.
type Routes struct {
	pb.UnimplementedRoutesServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewRoutes returns a handler that works with deps. The wiring in gen/ calls it.
func NewRoutes(deps service.Deps) *Routes {
	return &Routes{deps: deps}
}

// Plan says how long a parcel is on its way.
func (h *Routes) Plan(ctx context.Context, req *pb.PlanRequest) (*pb.PlanResponse, error) {
	return nil, status.Error(codes.Unimplemented, "depot.v1.Routes.Plan is not implemented")
}
