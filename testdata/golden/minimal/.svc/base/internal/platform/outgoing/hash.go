package outgoing

import (
	"context"
	"strings"

	"google.golang.org/grpc"

	"example.com/hello/internal/platform/balancing"
)

// hashBy has the value of a metadata key decide which instance is called; "" leaves that to others.
type hashBy string

func (h hashBy) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(h.context(ctx), method, req, reply, conn, options...)
}

func (h hashBy) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(h.context(ctx), desc, conn, method, options...)
}

func (h hashBy) context(ctx context.Context) context.Context {
	if h == "" {
		return ctx
	}
	values := outgoing(ctx, string(h))
	if len(values) == 0 {
		return ctx
	}
	return balancing.WithHash(ctx, strings.Join(values, ","))
}
