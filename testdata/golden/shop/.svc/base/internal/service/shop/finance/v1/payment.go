package financev1

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/internal/service"
)

// Payment implements shop.finance.v1.Payment.
//
// Payment charges cards. It works with `test` cards only outside of production.
type Payment struct {
	pb.UnimplementedPaymentServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewPayment returns a handler that works with deps. The wiring in gen/ calls it.
func NewPayment(deps service.Deps) *Payment {
	return &Payment{deps: deps}
}

// Charge takes money off a card. It can be repeated: the same charge_id is charged once.
func (h *Payment) Charge(ctx context.Context, req *pb.ChargeRequest) (*pb.ChargeResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.finance.v1.Payment.Charge is not implemented")
}

// Refund gives back what a charge took.
func (h *Payment) Refund(ctx context.Context, req *pb.RefundRequest) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Unimplemented, "shop.finance.v1.Payment.Refund is not implemented")
}
