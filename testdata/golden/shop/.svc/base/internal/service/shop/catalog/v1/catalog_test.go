package catalogv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/catalog/v1"
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

func TestCatalog_ListProducts(t *testing.T) {
	tests := map[string]*pb.ListProductsRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCatalogClient(t).ListProducts(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCatalog_GetProduct(t *testing.T) {
	tests := map[string]*pb.GetProductRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCatalogClient(t).GetProduct(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCatalog_SearchProducts(t *testing.T) {
	tests := map[string]*pb.SearchProductsRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCatalogClient(t).SearchProducts(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCatalog_WatchStock(t *testing.T) {
	tests := map[string]*pb.WatchStockRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newCatalogClient(t).WatchStock(grpctest.StreamContext(t), req)
			grpctest.CheckStatus(t, err)
			grpctest.ReceiveAll(t, stream)
		})
	}
}
