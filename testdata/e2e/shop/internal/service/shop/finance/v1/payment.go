package financev1

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/internal/service"
)

// Payment remembers what it has charged.
type Payment struct {
	pb.UnimplementedPaymentServer

	charged sync.Map // transaction ids
}

// NewPayment returns a payment service that needs nothing.
func NewPayment(service.Deps) *Payment { return &Payment{} }

// Charge charges once per charge id, which becomes the transaction's.
func (h *Payment) Charge(_ context.Context, req *pb.ChargeRequest) (*pb.ChargeResponse, error) {
	h.charged.Store(req.GetChargeId(), true)
	return &pb.ChargeResponse{TransactionId: req.GetChargeId()}, nil
}

// Refund gives back what this instance has charged.
func (h *Payment) Refund(_ context.Context, req *pb.RefundRequest) (*emptypb.Empty, error) {
	if _, ok := h.charged.LoadAndDelete(req.GetTransactionId()); !ok {
		return nil, status.Errorf(codes.NotFound, "no transaction %q", req.GetTransactionId())
	}
	return &emptypb.Empty{}, nil
}
