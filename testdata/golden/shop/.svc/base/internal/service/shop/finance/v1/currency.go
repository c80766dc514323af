package financev1

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	commonv1 "github.com/acme/shop/gen/shop/common/v1"
	pb "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/internal/service"
)

// Currency implements shop.finance.v1.Currency.
//
// Currency knows today's rates. They come from the European Central Bank.
type Currency struct {
	pb.UnimplementedCurrencyServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewCurrency returns a handler that works with deps. The wiring in gen/ calls it.
func NewCurrency(deps service.Deps) *Currency {
	return &Currency{deps: deps}
}

// ListCurrencies lists the codes that can be converted from and to.
func (h *Currency) ListCurrencies(ctx context.Context, req *emptypb.Empty) (*pb.ListCurrenciesResponse, error) {
	return nil, status.Error(codes.Unimplemented, "shop.finance.v1.Currency.ListCurrencies is not implemented")
}

// Convert converts one amount.
func (h *Currency) Convert(ctx context.Context, req *pb.ConvertRequest) (*commonv1.Money, error) {
	return nil, status.Error(codes.Unimplemented, "shop.finance.v1.Currency.Convert is not implemented")
}

// ConvertAll answers each amount, in order, as soon as it comes.
func (h *Currency) ConvertAll(stream grpc.BidiStreamingServer[pb.ConvertRequest, commonv1.Money]) error {
	return status.Error(codes.Unimplemented, "shop.finance.v1.Currency.ConvertAll is not implemented")
}
