package interceptor

import (
	"context"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"example.com/quay/internal/platform/requestid"
)

func unaryRequestID(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, header := withRequestID(ctx)
	if err := grpc.SetHeader(ctx, header); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func streamRequestID(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, header := withRequestID(stream.Context())
	if err := stream.SetHeader(header); err != nil {
		return err
	}
	wrapped := middleware.WrapServerStream(stream)
	wrapped.WrappedContext = ctx
	return next(srv, wrapped)
}

// withRequestID takes the caller's id, if it is safe, or else makes one. The context carries it to log lines and, as
// outgoing metadata, to every service that is called with this context. The header tells the caller.
func withRequestID(ctx context.Context) (context.Context, metadata.MD) {
	id := requestid.New()
	if values := metadata.ValueFromIncomingContext(ctx, requestid.Header); len(values) == 1 && requestid.Valid(values[0]) {
		id = values[0]
	}
	ctx = requestid.NewContext(ctx, id)
	ctx = metadata.AppendToOutgoingContext(ctx, requestid.Header, id)
	return ctx, metadata.Pairs(requestid.Header, id)
}
