package financev1

import (
	"testing"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newPaymentClient returns a client of a Payment that runs as in production. Give its Deps fakes here.
func newPaymentClient(t *testing.T) pb.PaymentClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterPaymentServer(r, NewPayment(service.Deps{}))
	})
	return pb.NewPaymentClient(conn)
}

func TestPayment_Charge(t *testing.T) {
	tests := map[string]*pb.ChargeRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newPaymentClient(t).Charge(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestPayment_Refund(t *testing.T) {
	tests := map[string]*pb.RefundRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newPaymentClient(t).Refund(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}
