package cartv1

import (
	"errors"
	"io"

	"google.golang.org/grpc"

	pb "github.com/acme/shop/gen/shop/cart/v1"
	"github.com/acme/shop/internal/service"
)

// Cart counts items.
type Cart struct {
	pb.UnimplementedCartServer
}

// NewCart returns a cart that needs nothing.
func NewCart(service.Deps) *Cart { return &Cart{} }

// ImportItems answers with the number of items.
func (h *Cart) ImportItems(stream grpc.ClientStreamingServer[pb.AddItemRequest, pb.ImportItemsResponse]) error {
	var items int32
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&pb.ImportItemsResponse{Items: items})
		}
		if err != nil {
			return err
		}
		items += req.GetItem().GetQuantity()
	}
}
