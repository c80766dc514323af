package outgoing

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// before does something to the context of a call before it is made.
type before func(context.Context) context.Context

// steps come one after the other. Together they are one interceptor, because each costs.
type steps []before

func (s steps) before(ctx context.Context) context.Context {
	for _, step := range s {
		ctx = step(ctx)
	}
	return ctx
}

func (s steps) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(s.before(ctx), method, req, reply, conn, options...)
}

func (s steps) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(s.before(ctx), desc, conn, method, options...)
}

// outgoing returns the values of a metadata key that a call made with ctx goes out with.
func outgoing(ctx context.Context, key string) []string {
	return metadata.ValueFromOutgoingContext(ctx, key)
}
