package fulfilmentv1

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/service"
)

// Email implements shop.fulfilment.v1.Email.
//
// Email writes to customers.
type Email struct {
	pb.UnimplementedEmailServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewEmail returns a handler that works with deps. The wiring in gen/ calls it.
func NewEmail(deps service.Deps) *Email {
	return &Email{deps: deps}
}

// SendOrderConfirmation says thank you, and lists what was bought.
func (h *Email) SendOrderConfirmation(ctx context.Context, req *pb.SendOrderConfirmationRequest) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Unimplemented, "shop.fulfilment.v1.Email.SendOrderConfirmation is not implemented")
}
