package financev1

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newCurrencyClient returns a client of a Currency that runs as in production. Give its Deps fakes here.
func newCurrencyClient(t *testing.T) pb.CurrencyClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterCurrencyServer(r, NewCurrency(service.Deps{}))
	})
	return pb.NewCurrencyClient(conn)
}

func TestCurrency_ListCurrencies(t *testing.T) {
	tests := map[string]*emptypb.Empty{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCurrencyClient(t).ListCurrencies(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCurrency_Convert(t *testing.T) {
	tests := map[string]*pb.ConvertRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCurrencyClient(t).Convert(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCurrency_ConvertAll(t *testing.T) {
	tests := map[string][]*pb.ConvertRequest{
		"no request":        {},
		"one empty request": {{}},
	}
	for name, reqs := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newCurrencyClient(t).ConvertAll(grpctest.StreamContext(t))
			grpctest.CheckStatus(t, err)
			grpctest.SendAll(t, stream, reqs)
			grpctest.CheckStatus(t, stream.CloseSend())
			grpctest.ReceiveAll(t, stream)
		})
	}
}
