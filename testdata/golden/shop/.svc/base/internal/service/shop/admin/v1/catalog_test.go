package adminv1

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	pb "github.com/acme/shop/gen/shop/admin/v1"
	catalogv1 "github.com/acme/shop/gen/shop/catalog/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newCatalogClient returns a client of a Catalog that runs as in production. Give its Deps fakes here.
func newCatalogClient(t *testing.T) pb.CatalogClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterCatalogServer(r, NewCatalog(service.Deps{}))
	})
	return pb.NewCatalogClient(conn)
}

func TestCatalog_CreateProduct(t *testing.T) {
	tests := map[string]*catalogv1.Product{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCatalogClient(t).CreateProduct(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCatalog_UpdateProduct(t *testing.T) {
	tests := map[string]*pb.UpdateProductRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCatalogClient(t).UpdateProduct(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCatalog_DeleteProduct(t *testing.T) {
	tests := map[string]*wrapperspb.StringValue{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCatalogClient(t).DeleteProduct(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}
