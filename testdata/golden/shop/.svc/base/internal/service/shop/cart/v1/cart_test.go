package cartv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/cart/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newCartClient returns a client of a Cart that runs as in production. Give its Deps fakes here.
func newCartClient(t *testing.T) pb.CartClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterCartServer(r, NewCart(service.Deps{}))
	})
	return pb.NewCartClient(conn)
}

func TestCart_AddItem(t *testing.T) {
	tests := map[string]*pb.AddItemRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCartClient(t).AddItem(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCart_ImportItems(t *testing.T) {
	tests := map[string][]*pb.AddItemRequest{
		"no request":        {},
		"one empty request": {{}},
	}
	for name, reqs := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newCartClient(t).ImportItems(grpctest.Context(t))
			grpctest.CheckStatus(t, err)
			grpctest.SendAll(t, stream, reqs)
			_, err = stream.CloseAndRecv()
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCart_GetCart(t *testing.T) {
	tests := map[string]*pb.GetCartRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCartClient(t).GetCart(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestCart_EmptyCart(t *testing.T) {
	tests := map[string]*pb.EmptyCartRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCartClient(t).EmptyCart(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}
