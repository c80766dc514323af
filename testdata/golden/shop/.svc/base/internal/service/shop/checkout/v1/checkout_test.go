package checkoutv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/checkout/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newCheckoutClient returns a client of a Checkout that runs as in production. Give its Deps fakes here.
func newCheckoutClient(t *testing.T) pb.CheckoutClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterCheckoutServer(r, NewCheckout(service.Deps{}))
	})
	return pb.NewCheckoutClient(conn)
}

func TestCheckout_PlaceOrder(t *testing.T) {
	tests := map[string]*pb.PlaceOrderRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCheckoutClient(t).PlaceOrder(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}
