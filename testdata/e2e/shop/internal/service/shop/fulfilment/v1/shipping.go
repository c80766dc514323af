package fulfilmentv1

import (
	"context"
	"crypto/rand"

	commonv1 "github.com/acme/shop/gen/shop/common/v1"
	financev1 "github.com/acme/shop/gen/shop/finance/v1"
	pb "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/service"
)

// Shipping ships anything for one Euro, and declares its value to the customs.
type Shipping struct {
	pb.UnimplementedShippingServer

	deps service.Deps
}

// NewShipping returns a shipping service that calls others through deps.
func NewShipping(deps service.Deps) *Shipping { return &Shipping{deps: deps} }

// GetQuote has one price.
func (h *Shipping) GetQuote(context.Context, *pb.GetQuoteRequest) (*pb.GetQuoteResponse, error) {
	return &pb.GetQuoteResponse{Cost: &commonv1.Money{CurrencyCode: "EUR", Units: 1}}, nil
}

// ShipOrder makes a number to track. Customs are paid in their own currency.
func (h *Shipping) ShipOrder(ctx context.Context, _ *pb.ShipOrderRequest) (*pb.ShipOrderResponse, error) {
	duty := &financev1.ConvertRequest{From: &commonv1.Money{CurrencyCode: "EUR", Units: 1}, ToCode: "CHF"}
	if _, err := h.deps.Clients.Currency.Convert(ctx, duty); err != nil {
		return nil, err
	}
	return &pb.ShipOrderResponse{TrackingId: rand.Text()}, nil
}
