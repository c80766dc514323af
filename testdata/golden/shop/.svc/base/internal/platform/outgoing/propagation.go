package outgoing

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// propagation are the metadata keys that go on from the call that is being served to those that it makes. The request id
// is not among them: the server, which may have made it, sees to that.
type propagation []string

func newPropagation(keys []string) (propagation, error) {
	var p propagation
	for _, key := range keys {
		key = strings.ToLower(key)
		if key == "" || strings.HasPrefix(key, ":") || strings.HasPrefix(key, "grpc-") {
			return nil, fmt.Errorf("propagate: %q is not a metadata key for others than gRPC", key)
		}
		p = append(p, key)
	}
	return p, nil
}

func (p propagation) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(p.context(ctx), method, req, reply, conn, options...)
}

func (p propagation) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(p.context(ctx), desc, conn, method, options...)
}

// context carries the keys on. What the caller has set itself stays as it is.
func (p propagation) context(ctx context.Context) context.Context {
	for _, key := range p {
		values := metadata.ValueFromIncomingContext(ctx, key)
		if len(values) == 0 || len(outgoing(ctx, key)) > 0 {
			continue
		}
		for _, value := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, key, value)
		}
	}
	return ctx
}

func outgoing(ctx context.Context, key string) []string {
	md, _ := metadata.FromOutgoingContext(ctx)
	return md.Get(key)
}
