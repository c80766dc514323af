package fulfilmentv1

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/service"
)

// Email writes to the log.
type Email struct {
	pb.UnimplementedEmailServer
}

// NewEmail returns an email service that needs nothing.
func NewEmail(service.Deps) *Email { return &Email{} }

// SendOrderConfirmation says thank you.
func (h *Email) SendOrderConfirmation(ctx context.Context, req *pb.SendOrderConfirmationRequest) (*emptypb.Empty, error) {
	slog.InfoContext(ctx, "thank you", "order", req.GetOrder().GetId(), "to", req.GetEmail())
	return &emptypb.Empty{}, nil
}
