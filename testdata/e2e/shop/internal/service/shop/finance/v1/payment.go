package financev1

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
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

// bankTakes is the metadata key that says how long the bank is to take for a charge.
const bankTakes = "x-bank-takes"

// Charge charges once per charge id, which becomes the transaction's.
func (h *Payment) Charge(ctx context.Context, req *pb.ChargeRequest) (*pb.ChargeResponse, error) {
	if err := askBank(ctx); err != nil {
		return nil, err
	}
	h.charged.Store(req.GetChargeId(), true)
	return &pb.ChargeResponse{TransactionId: req.GetChargeId()}, nil
}

// askBank returns when the bank has answered. The caller is told at once that it is being asked.
func askBank(ctx context.Context) error {
	values := metadata.ValueFromIncomingContext(ctx, bankTakes)
	if len(values) == 0 {
		return nil
	}
	takes, err := time.ParseDuration(values[0])
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "%s: %v", bankTakes, err)
	}
	if err := grpc.SendHeader(ctx, nil); err != nil {
		return err
	}
	select {
	case <-time.After(takes):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// Refund gives back what this instance has charged.
func (h *Payment) Refund(_ context.Context, req *pb.RefundRequest) (*emptypb.Empty, error) {
	if _, ok := h.charged.LoadAndDelete(req.GetTransactionId()); !ok {
		return nil, status.Errorf(codes.NotFound, "no transaction %q", req.GetTransactionId())
	}
	return &emptypb.Empty{}, nil
}
