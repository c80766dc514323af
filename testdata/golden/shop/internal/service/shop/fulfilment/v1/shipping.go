package fulfilmentv1

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/service"
)

// Shipping implements shop.fulfilment.v1.Shipping.
//
// Shipping gets parcels to people.
type Shipping struct {
	pb.UnimplementedShippingServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewShipping returns a handler that works with deps. The wiring in gen/ calls it.
func NewShipping(deps service.Deps) *Shipping {
	return &Shipping{deps: deps}
}

// GetQuote says what shipping would cost.
func (h *Shipping) GetQuote(ctx context.Context, req *pb.GetQuoteRequest) (*pb.GetQuoteResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.fulfilment.v1.Shipping.GetQuote is not implemented")
}

// ShipOrder hands the items to a carrier.
func (h *Shipping) ShipOrder(ctx context.Context, req *pb.ShipOrderRequest) (*pb.ShipOrderResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.fulfilment.v1.Shipping.ShipOrder is not implemented")
}

// TrackParcel follows a parcel until it has arrived.
func (h *Shipping) TrackParcel(req *pb.TrackParcelRequest, stream grpc.ServerStreamingServer[pb.ParcelPosition]) error {
	return status.Error(codes.Unimplemented, "shop.fulfilment.v1.Shipping.TrackParcel is not implemented")
}
