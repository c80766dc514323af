package financev1

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	commonv1 "github.com/acme/shop/gen/shop/common/v1"
	pb "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/internal/service"
)

// Currency has one rate for all.
type Currency struct {
	pb.UnimplementedCurrencyServer
}

// NewCurrency returns a converter that needs nothing.
func NewCurrency(service.Deps) *Currency { return &Currency{} }

// Convert doubles the amount. There is a currency that it breaks down with. It tells how long callers wait.
func (h *Currency) Convert(ctx context.Context, req *pb.ConvertRequest) (*commonv1.Money, error) {
	deadline, _ := ctx.Deadline()
	slog.InfoContext(ctx, "converting", "to", req.GetToCode(), "deadline", deadline)
	if req.GetToCode() == "ZWL" {
		return nil, status.Error(codes.Internal, "overflow")
	}
	return &commonv1.Money{CurrencyCode: req.GetToCode(), Units: 2 * req.GetFrom().GetUnits()}, nil
}

// ConvertAll answers each amount before it takes the next.
func (h *Currency) ConvertAll(stream grpc.BidiStreamingServer[pb.ConvertRequest, commonv1.Money]) error {
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		money, err := h.Convert(stream.Context(), req)
		if err != nil {
			return err
		}
		if err := stream.Send(money); err != nil {
			return err
		}
	}
}
