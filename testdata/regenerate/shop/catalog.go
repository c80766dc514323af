//go:build !sold_out

package shopv1

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/shop/gen/shop/v1"
	"example.com/shop/internal/service"
)

// What is for sale today.
var stock = map[string]int32{"tea": 3}

// Catalog implements shop.v1.Catalog.
//
// Catalog is what the shop sells. Mine: it counts who asked.
type Catalog struct {
	pb.UnimplementedCatalogServer // answers methods that the contract has and this type doesn't, yet
	counter[string]

	deps service.Deps
}

type (
	// counter counts by key.
	counter[K comparable] struct {
		mu    sync.Mutex
		count map[K]int
	}
	nothing struct{}
)

func (c *counter[K]) add(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[key]++
}

// NewCatalog returns a handler that works with deps. The wiring in gen/ calls it.
func NewCatalog(deps service.Deps) *Catalog {
	return &Catalog{deps: deps, counter: counter[string]{count: map[string]int{}}} // mine
}

/* A comment that belongs to nothing. */

// Get returns one product. Mine: or NOT_FOUND.
//
//nolint:revive // mine
func (c *Catalog) Get(_ context.Context, r *pb.GetRequest) (*pb.Product, error) {
	c.add(r.GetId()) // count first
	if stock[r.GetId()] == 0 {
		return nil, status.Error(codes.NotFound, "sold out")
	}
	return &pb.Product{Id: r.GetId()}, nil
}

// List returns all products.
func (h *Catalog) List(ctx context.Context, req *pb.ListRequest) (*pb.ListResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.v1.Catalog.List is not implemented")
}

// Watch tells what is left of a product.
func (h *Catalog) Watch(req *pb.WatchRequest, stream grpc.ServerStreamingServer[pb.Stock]) error {
	return stream.Send(&pb.Stock{Left: stock[req.GetId()]})
} // the end

// The last word.
