package recommendv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/recommend/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newRecommendationClient returns a client of a Recommendation that runs as in production. Give its Deps fakes here.
func newRecommendationClient(t *testing.T) pb.RecommendationClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterRecommendationServer(r, NewRecommendation(service.Deps{}))
	})
	return pb.NewRecommendationClient(conn)
}

func TestRecommendation_ListRecommendations(t *testing.T) {
	tests := map[string]*pb.ListRecommendationsRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newRecommendationClient(t).ListRecommendations(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestRecommendation_Browse(t *testing.T) {
	tests := map[string][]*pb.BrowseRequest{
		"no request":        {},
		"one empty request": {{}},
	}
	for name, reqs := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newRecommendationClient(t).Browse(grpctest.StreamContext(t))
			grpctest.CheckStatus(t, err)
			grpctest.SendAll(t, stream, reqs)
			grpctest.CheckStatus(t, stream.CloseSend())
			grpctest.ReceiveAll(t, stream)
		})
	}
}

func TestRecommendation_LearnVisits(t *testing.T) {
	tests := map[string][]*pb.Visit{
		"no request":        {},
		"one empty request": {{}},
	}
	for name, reqs := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newRecommendationClient(t).LearnVisits(grpctest.Context(t))
			grpctest.CheckStatus(t, err)
			grpctest.SendAll(t, stream, reqs)
			_, err = stream.CloseAndRecv()
			grpctest.CheckStatus(t, err)
		})
	}
}
