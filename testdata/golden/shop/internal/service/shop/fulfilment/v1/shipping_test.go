package fulfilmentv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newShippingClient returns a client of a Shipping that runs as in production. Give its Deps fakes here.
func newShippingClient(t *testing.T) pb.ShippingClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterShippingServer(r, NewShipping(service.Deps{}))
	})
	return pb.NewShippingClient(conn)
}

func TestShipping_GetQuote(t *testing.T) {
	tests := map[string]*pb.GetQuoteRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newShippingClient(t).GetQuote(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestShipping_ShipOrder(t *testing.T) {
	tests := map[string]*pb.ShipOrderRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newShippingClient(t).ShipOrder(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestShipping_TrackParcel(t *testing.T) {
	tests := map[string]*pb.TrackParcelRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newShippingClient(t).TrackParcel(grpctest.StreamContext(t), req)
			grpctest.CheckStatus(t, err)
			grpctest.ReceiveAll(t, stream)
		})
	}
}
