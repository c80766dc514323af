package checkoutv1

import (
	"context"

	catalogv1 "github.com/acme/shop/gen/shop/catalog/v1"
	pb "github.com/acme/shop/gen/shop/checkout/v1"
	financev1 "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/internal/service"
)

// Checkout sells one mug, and calls two other apps for it.
type Checkout struct {
	pb.UnimplementedCheckoutServer

	deps service.Deps
}

// NewCheckout returns a checkout that calls others through deps.
func NewCheckout(deps service.Deps) *Checkout { return &Checkout{deps: deps} }

// PlaceOrder asks the catalog for the price and converts it.
func (h *Checkout) PlaceOrder(ctx context.Context, req *pb.PlaceOrderRequest) (*pb.PlaceOrderResponse, error) {
	mug, err := h.deps.Clients.Catalog.GetProduct(ctx, &catalogv1.GetProductRequest{Id: "mug"})
	if err != nil {
		return nil, err
	}
	total, err := h.deps.Clients.Currency.Convert(ctx, &financev1.ConvertRequest{
		From: mug.GetPrice(), ToCode: req.GetCurrencyCode(),
	})
	if err != nil {
		return nil, err
	}
	return &pb.PlaceOrderResponse{Order: &pb.Order{Id: "1", Total: total}}, nil
}
