package invoice

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"example.com/billing/v2/internal/service"
	"example.com/billing/v2/pb/billing"
	pb "example.com/billing/v2/pb/invoice"
)

// InvoiceServer implements InvoiceServer.
//
// InvoiceServer answers for invoices. Its name, its methods and its fields are those of another time:
// `String` and "Close" are rpcs here, and /* this */ is part of a comment.
type InvoiceServer struct {
	pb.UnimplementedInvoiceServerServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewInvoiceServer returns a handler that works with deps. The wiring in gen/ calls it.
func NewInvoiceServer(deps service.Deps) *InvoiceServer {
	return &InvoiceServer{deps: deps}
}

// get_invoice returns one invoice.
func (h *InvoiceServer) GetInvoice(ctx context.Context, req *pb.InvoiceRequest) (*pb.Invoice, error) {
	return nil, status.Error(codes.Unimplemented, "InvoiceServer.get_invoice is not implemented")
}

// String writes an invoice as text.
func (h *InvoiceServer) String(ctx context.Context, req *pb.InvoiceRequest) (*pb.InvoiceText, error) {
	return nil, status.Error(codes.Unimplemented, "InvoiceServer.String is not implemented")
}

// Close implements InvoiceServer.Close.
func (h *InvoiceServer) Close(ctx context.Context, req *pb.InvoiceRequest) (*anypb.Any, error) {
	return nil, status.Error(codes.Unimplemented, "InvoiceServer.Close is not implemented")
}

// Context streams what belongs to an invoice.
func (h *InvoiceServer) Context(req *pb.InvoiceRequest, stream grpc.ServerStreamingServer[billing.Entry]) error {
	return status.Error(codes.Unimplemented, "InvoiceServer.Context is not implemented")
}
