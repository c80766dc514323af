package cartv1

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/acme/shop/gen/shop/cart/v1"
	"github.com/acme/shop/internal/service"
)

// Cart implements shop.cart.v1.Cart.
//
// Cart keeps what a user is about to buy.
type Cart struct {
	pb.UnimplementedCartServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewCart returns a handler that works with deps. The wiring in gen/ calls it.
func NewCart(deps service.Deps) *Cart {
	return &Cart{deps: deps}
}

// AddItem adds to what is in the cart already.
func (h *Cart) AddItem(ctx context.Context, req *pb.AddItemRequest) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Unimplemented, "shop.cart.v1.Cart.AddItem is not implemented")
}

// ImportItems adds many items at once, such as an order of last year. Nothing is added unless all can be.
func (h *Cart) ImportItems(stream grpc.ClientStreamingServer[pb.AddItemRequest, pb.ImportItemsResponse]) error {
	return status.Error(codes.Unimplemented, "shop.cart.v1.Cart.ImportItems is not implemented")
}

// GetCart returns the user's cart. Everybody has one.
func (h *Cart) GetCart(ctx context.Context, req *pb.GetCartRequest) (*pb.GetCartResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.cart.v1.Cart.GetCart is not implemented")
}

// EmptyCart removes all items.
func (h *Cart) EmptyCart(ctx context.Context, req *pb.EmptyCartRequest) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Unimplemented, "shop.cart.v1.Cart.EmptyCart is not implemented")
}
