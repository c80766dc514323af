// Package interceptor holds what happens around every call that the server takes.
package interceptor

import (
	"log/slog"
	"time"

	"google.golang.org/grpc"
)

// Chain returns the interceptors of the server, outermost first, the same for unary calls and streams:
//
//   - the request id comes first, because everything else logs it;
//   - logging sees what the caller is answered, recovered panics included;
//   - recovery covers all that follows;
//   - the deadline holds for all that follows.
//
// What decides whether a call may proceed (authentication, rate limits, validation) belongs at the end.
//
// timeout is the deadline of unary calls that come without one; 0 means none.
func Chain(log *slog.Logger, timeout time.Duration) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(
			unaryRequestID,
			unaryLogging(log),
			unaryRecovery(log),
			unaryDeadline(timeout),
		),
		grpc.ChainStreamInterceptor(
			streamRequestID,
			streamLogging(log),
			streamRecovery(log),
			// A stream may rightly stay open for ever, so it has no default deadline.
		),
	}
}
