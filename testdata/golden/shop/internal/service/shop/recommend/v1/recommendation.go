package recommendv1

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	catalogv1 "github.com/acme/shop/gen/shop/catalog/v1"
	pb "github.com/acme/shop/gen/shop/recommend/v1"
	"github.com/acme/shop/internal/service"
)

// Recommendation implements shop.recommend.v1.Recommendation.
//
// Recommendation knows what else a user may like.
type Recommendation struct {
	pb.UnimplementedRecommendationServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewRecommendation returns a handler that works with deps. The wiring in gen/ calls it.
func NewRecommendation(deps service.Deps) *Recommendation {
	return &Recommendation{deps: deps}
}

// ListRecommendations recommends products to go with others.
func (h *Recommendation) ListRecommendations(ctx context.Context, req *pb.ListRecommendationsRequest) (*pb.ListRecommendationsResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.recommend.v1.Recommendation.ListRecommendations is not implemented")
}

// Browse recommends while the user looks around: it takes what is being looked at, and answers when it has an idea.
func (h *Recommendation) Browse(stream grpc.BidiStreamingServer[pb.BrowseRequest, catalogv1.Product]) error {
	return status.Error(codes.Unimplemented, "shop.recommend.v1.Recommendation.Browse is not implemented")
}

// LearnVisits takes what was looked at elsewhere.
func (h *Recommendation) LearnVisits(stream grpc.ClientStreamingServer[pb.Visit, pb.LearnVisitsResponse]) error {
	return status.Error(codes.Unimplemented, "shop.recommend.v1.Recommendation.LearnVisits is not implemented")
}
