// Package grpctest calls handlers in tests the way that callers do: through gRPC and the interceptors of production, in
// memory.
package grpctest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/server"
)

const (
	// Timeout is when a call counts as hanging.
	Timeout = 5 * time.Second

	// StreamTimeout is how long a stream is listened to that may rightly stay open for ever.
	StreamTimeout = 500 * time.Millisecond

	// maxReceived is how much is taken from a stream that sends for ever.
	maxReceived = 1000
)

// Dial returns a connection to a server, made as in production, of what register registers. The server logs to the test.
func Dial(t *testing.T, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	rpc := server.New(config.Default().Server.GRPC, log, grpc.WaitForHandlers(true))
	register(rpc)
	return Serve(t, rpc)
}

// Serve serves rpc in memory, and returns a connection to it. When the test ends, both are closed. The test fails when
// handlers of a server with grpc.WaitForHandlers don't end then.
func Serve(t *testing.T, rpc *grpc.Server) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(func() { stop(t, rpc) })

	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func stop(t *testing.T, rpc *grpc.Server) {
	t.Helper()
	stopped := make(chan struct{})
	go func() {
		rpc.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(Timeout):
		t.Error("a handler goes on although its context is done")
	}
}

// Context returns a context for one call that must end.
func Context(t *testing.T) context.Context {
	t.Helper()
	return withTimeout(t, Timeout)
}

// StreamContext returns a context for one stream that may stay open.
func StreamContext(t *testing.T) context.Context {
	t.Helper()
	return withTimeout(t, StreamTimeout)
}

func withTimeout(t *testing.T, timeout time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// CheckStatus fails the test unless err is nil or a status that a handler chose to answer. It did not when it panicked
// (Internal), returned a plain error (Unknown) or did not return in time (DeadlineExceeded).
func CheckStatus(t *testing.T, err error) {
	t.Helper()
	if problem := accident(err); problem != "" {
		t.Fatalf("%s: %v", problem, err)
	}
}

func accident(err error) string {
	switch status.Code(err) {
	case codes.Internal:
		return "the handler panicked or answered INTERNAL"
	case codes.Unknown:
		return "the handler returned an error that is not a status"
	case codes.DeadlineExceeded, codes.Canceled:
		return "the handler did not answer in time"
	default:
		return ""
	}
}

// SendAll sends messages until the handler has answered, which it may do without reading them all.
func SendAll[M any](t *testing.T, stream interface{ Send(*M) error }, messages []*M) {
	t.Helper()
	for _, message := range messages {
		err := stream.Send(message)
		if errors.Is(err, io.EOF) {
			return // receiving tells the status
		}
		CheckStatus(t, err)
	}
}

// ReceiveAll returns what the handler sends until it ends the stream, its context ends or there is very much. It checks
// the status that the stream ends with.
func ReceiveAll[M any](t *testing.T, stream interface{ Recv() (*M, error) }) []*M {
	t.Helper()
	var messages []*M
	for len(messages) < maxReceived {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) || status.Code(err) == codes.DeadlineExceeded {
			break
		}
		if err != nil {
			CheckStatus(t, err)
			break
		}
		messages = append(messages, message)
	}
	return messages
}
