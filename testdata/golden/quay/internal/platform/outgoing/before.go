package outgoing

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// before does something to the context of a call before it is made.
type before func(context.Context) context.Context

func (b before) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(b(ctx), method, req, reply, conn, options...)
}

func (b before) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(b(ctx), desc, conn, method, options...)
}

// outgoing returns the values of a metadata key that a call made with ctx goes out with.
func outgoing(ctx context.Context, key string) []string {
	md, _ := metadata.FromOutgoingContext(ctx)
	return md.Get(key)
}
