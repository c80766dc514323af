package fulfilmentv1

import (
	"testing"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/internal/platform/grpctest"
	"github.com/acme/shop/internal/service"
)

// newEmailClient returns a client of a Email that runs as in production. Give its Deps fakes here.
func newEmailClient(t *testing.T) pb.EmailClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterEmailServer(r, NewEmail(service.Deps{}))
	})
	return pb.NewEmailClient(conn)
}

func TestEmail_SendOrderConfirmation(t *testing.T) {
	tests := map[string]*pb.SendOrderConfirmationRequest{
		"empty request": {},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newEmailClient(t).SendOrderConfirmation(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}
