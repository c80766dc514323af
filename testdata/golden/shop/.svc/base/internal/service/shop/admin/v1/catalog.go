package adminv1

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	pb "github.com/acme/shop/gen/shop/admin/v1"
	catalogv1 "github.com/acme/shop/gen/shop/catalog/v1"
	"github.com/acme/shop/internal/service"
)

// Catalog implements shop.admin.v1.Catalog.
//
// Catalog is what the shop sells, as its staff see it: shop.catalog.v1.Catalog with a pen.
type Catalog struct {
	pb.UnimplementedCatalogServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewCatalog returns a handler that works with deps. The wiring in gen/ calls it.
func NewCatalog(deps service.Deps) *Catalog {
	return &Catalog{deps: deps}
}

// CreateProduct adds a product and gives it an id.
func (h *Catalog) CreateProduct(ctx context.Context, req *catalogv1.Product) (*catalogv1.Product, error) {
	return nil, status.Error(codes.Unimplemented, "shop.admin.v1.Catalog.CreateProduct is not implemented")
}

// UpdateProduct changes the fields that the mask names.
func (h *Catalog) UpdateProduct(ctx context.Context, req *pb.UpdateProductRequest) (*catalogv1.Product, error) {
	return nil, status.Error(codes.Unimplemented, "shop.admin.v1.Catalog.UpdateProduct is not implemented")
}

// DeleteProduct takes a product off the shelves. One that is gone already is no error.
func (h *Catalog) DeleteProduct(ctx context.Context, req *wrapperspb.StringValue) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Unimplemented, "shop.admin.v1.Catalog.DeleteProduct is not implemented")
}
