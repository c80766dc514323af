package checkoutv1

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/acme/shop/gen/shop/checkout/v1"
	"github.com/acme/shop/internal/service"
)

// Checkout implements shop.checkout.v1.Checkout.
//
// Checkout turns a cart into an order.
type Checkout struct {
	pb.UnimplementedCheckoutServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewCheckout returns a handler that works with deps. The wiring in gen/ calls it.
func NewCheckout(deps service.Deps) *Checkout {
	return &Checkout{deps: deps}
}

// PlaceOrder prices the cart, charges the card, ships, and sends a confirmation. When a step fails, what was
// done before is undone: a card is never charged for what isn't sent.
func (h *Checkout) PlaceOrder(ctx context.Context, req *pb.PlaceOrderRequest) (*pb.PlaceOrderResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.checkout.v1.Checkout.PlaceOrder is not implemented")
}
