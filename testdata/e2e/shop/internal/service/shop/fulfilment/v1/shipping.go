package fulfilmentv1

import (
	"context"
	"crypto/rand"

	commonv1 "github.com/acme/shop/gen/shop/common/v1"
	pb "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/service"
)

// Shipping ships anything for one Euro.
type Shipping struct {
	pb.UnimplementedShippingServer
}

// NewShipping returns a shipping service that needs nothing.
func NewShipping(service.Deps) *Shipping { return &Shipping{} }

// GetQuote has one price.
func (h *Shipping) GetQuote(context.Context, *pb.GetQuoteRequest) (*pb.GetQuoteResponse, error) {
	return &pb.GetQuoteResponse{Cost: &commonv1.Money{CurrencyCode: "EUR", Units: 1}}, nil
}

// ShipOrder makes a number to track.
func (h *Shipping) ShipOrder(context.Context, *pb.ShipOrderRequest) (*pb.ShipOrderResponse, error) {
	return &pb.ShipOrderResponse{TrackingId: rand.Text()}, nil
}
