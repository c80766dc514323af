package catalogv1

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/acme/shop/gen/shop/catalog/v1"
	"github.com/acme/shop/internal/service"
)

// Catalog implements shop.catalog.v1.Catalog.
//
// Catalog is what the shop sells, as customers see it.
//
// Prices are without shipping. They hold for as long as the product is in a cart,
// see shop.cart.v1.Cart.
type Catalog struct {
	pb.UnimplementedCatalogServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewCatalog returns a handler that works with deps. The wiring in gen/ calls it.
func NewCatalog(deps service.Deps) *Catalog {
	return &Catalog{deps: deps}
}

// ListProducts lists products, a page at a time.
func (h *Catalog) ListProducts(ctx context.Context, req *pb.ListProductsRequest) (*pb.ListProductsResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.catalog.v1.Catalog.ListProducts is not implemented")
}

// GetProduct returns one product, or NOT_FOUND.
func (h *Catalog) GetProduct(ctx context.Context, req *pb.GetProductRequest) (*pb.Product, error) {
	return nil, status.Error(codes.Unimplemented, "shop.catalog.v1.Catalog.GetProduct is not implemented")
}

// SearchProducts finds products by words.
func (h *Catalog) SearchProducts(ctx context.Context, req *pb.SearchProductsRequest) (*pb.ListProductsResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.catalog.v1.Catalog.SearchProducts is not implemented")
}

// WatchStock tells how many are left: now, and whenever that changes.
// The stream ends when the product is discontinued.
func (h *Catalog) WatchStock(req *pb.WatchStockRequest, stream grpc.ServerStreamingServer[pb.StockLevel]) error {
	return status.Error(codes.Unimplemented, "shop.catalog.v1.Catalog.WatchStock is not implemented")
}
