package interceptor

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// unaryDeadline gives calls that come without a deadline one, so that nothing is worked on for ever for a caller that
// may long be gone.
func unaryDeadline(timeout time.Duration) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if _, ok := ctx.Deadline(); ok || timeout == 0 {
			return next(ctx, req)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return next(ctx, req)
	}
}
