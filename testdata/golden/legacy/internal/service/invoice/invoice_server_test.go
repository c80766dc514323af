package invoice

import (
	"testing"

	"google.golang.org/grpc"

	"example.com/billing/v2/internal/platform/grpctest"
	"example.com/billing/v2/internal/service"
	pb "example.com/billing/v2/pb/invoice"
)

// newInvoiceServerClient returns a client of a InvoiceServer that runs as in production. Give its Deps fakes here.
func newInvoiceServerClient(t *testing.T) pb.InvoiceServerClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterInvoiceServerServer(r, NewInvoiceServer(service.Deps{}))
	})
	return pb.NewInvoiceServerClient(conn)
}

func TestInvoiceServer_GetInvoice(t *testing.T) {
	tests := map[string]*pb.InvoiceRequest{
		"required fields only": grpctest.Required(&pb.InvoiceRequest{}),
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newInvoiceServerClient(t).GetInvoice(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestInvoiceServer_String(t *testing.T) {
	tests := map[string]*pb.InvoiceRequest{
		"required fields only": grpctest.Required(&pb.InvoiceRequest{}),
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newInvoiceServerClient(t).String(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestInvoiceServer_Close(t *testing.T) {
	tests := map[string]*pb.InvoiceRequest{
		"required fields only": grpctest.Required(&pb.InvoiceRequest{}),
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newInvoiceServerClient(t).Close(grpctest.Context(t), req)
			grpctest.CheckStatus(t, err)
		})
	}
}

func TestInvoiceServer_Context(t *testing.T) {
	tests := map[string]*pb.InvoiceRequest{
		"required fields only": grpctest.Required(&pb.InvoiceRequest{}),
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := newInvoiceServerClient(t).Context(grpctest.StreamContext(t), req)
			grpctest.CheckStatus(t, err)
			grpctest.ReceiveAll(t, stream)
		})
	}
}
