package catalogv1

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/acme/shop/gen/shop/catalog/v1"
	commonv1 "github.com/acme/shop/gen/shop/common/v1"
	"github.com/acme/shop/internal/service"
)

// Catalog sells mugs.
type Catalog struct {
	pb.UnimplementedCatalogServer
}

// NewCatalog returns a catalog that needs nothing.
func NewCatalog(service.Deps) *Catalog { return &Catalog{} }

// GetProduct knows one product.
func (h *Catalog) GetProduct(ctx context.Context, req *pb.GetProductRequest) (*pb.Product, error) {
	slog.InfoContext(ctx, "looking up", "product", req.GetId())
	if req.GetId() != "mug" {
		return nil, status.Errorf(codes.NotFound, "no product %q", req.GetId())
	}
	return &pb.Product{Id: "mug", Name: "Mug", Price: &commonv1.Money{CurrencyCode: "EUR", Units: 8}}, nil
}

// WatchStock counts down.
func (h *Catalog) WatchStock(_ *pb.WatchStockRequest, stream grpc.ServerStreamingServer[pb.StockLevel]) error {
	for left := int32(2); left >= 0; left-- {
		if err := stream.Send(&pb.StockLevel{Left: left, At: timestamppb.Now()}); err != nil {
			return err
		}
	}
	return nil
}
