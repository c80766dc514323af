package interceptor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/grpctest"
	"example.com/quay/internal/platform/interceptor"
	"example.com/quay/internal/platform/requestid"
	"example.com/quay/internal/platform/telemetry"
)

const timeout = time.Minute

// handler does the same in a unary call and in a stream.
type handler struct {
	testgrpc.UnimplementedTestServiceServer
	do func(ctx context.Context) error
}

func (h handler) EmptyCall(ctx context.Context, _ *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, h.do(ctx)
}

func (h handler) FullDuplexCall(stream grpc.BidiStreamingServer[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse]) error {
	return h.do(stream.Context())
}

// lines is a log to look into.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// find returns the line with that message.
func (l *lines) find(t *testing.T, message string) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.Lines(l.buf.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == message {
			return line
		}
	}
	t.Fatalf("no line %q in %q", message, l.buf.String())
	return nil
}

// call is what came of a call.
type call struct {
	err    error
	header metadata.MD
	log    *lines
}

// each calls do both ways, behind the chain.
func each(ctx context.Context, t *testing.T, do func(context.Context) error, check func(t *testing.T, c call)) {
	t.Helper()
	ways := map[string]func(context.Context, testgrpc.TestServiceClient, *metadata.MD) error{
		"unary": func(ctx context.Context, client testgrpc.TestServiceClient, header *metadata.MD) error {
			_, err := client.EmptyCall(ctx, &testgrpc.Empty{}, grpc.Header(header))
			return err
		},
		"stream": func(ctx context.Context, client testgrpc.TestServiceClient, header *metadata.MD) error {
			stream, err := client.FullDuplexCall(ctx, grpc.Header(header))
			if err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := call{log: &lines{}}
			log := telemetry.NewLogger(config.Log{Format: "json", Level: slog.LevelDebug}, c.log)
			rpc := grpc.NewServer(append(interceptor.Chain(log, timeout), grpc.WaitForHandlers(true))...)
			testgrpc.RegisterTestServiceServer(rpc, handler{do: do})
			client := testgrpc.NewTestServiceClient(grpctest.Serve(t, rpc))
			c.err = way(ctx, client, &c.header)
			rpc.GracefulStop() // the finish line is written after the caller has its answer
			check(t, c)
		})
	}
}

func TestRequestID(t *testing.T) {
	var seen, passedOn string
	handle := func(ctx context.Context) error {
		seen = requestid.FromContext(ctx)
		out, _ := metadata.FromOutgoingContext(ctx)
		passedOn = strings.Join(out.Get(requestid.Header), ",")
		return status.Error(codes.NotFound, "no such thing")
	}
	tests := map[string]struct {
		sent string
		kept bool
	}{
		"the caller's is kept":    {"abc-123", true},
		"an unsafe one is not":    {"abc 123", false},
		"one is made if there is": {"", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if test.sent != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, requestid.Header, test.sent)
			}
			each(ctx, t, handle, func(t *testing.T, c call) {
				if !requestid.Valid(seen) || (seen == test.sent) != test.kept {
					t.Errorf("handler sees %q", seen)
				}
				if passedOn != seen {
					t.Errorf("passed on: %q, want %q", passedOn, seen)
				}
				if got := strings.Join(c.header.Get(requestid.Header), ","); got != seen {
					t.Errorf("header: got %q, want %q", got, seen)
				}
				if got := c.log.find(t, "call finished")["request_id"]; got != seen {
					t.Errorf("log: got %q, want %q", got, seen)
				}
			})
		})
	}
}

func TestLogging(t *testing.T) {
	handle := func(context.Context) error { return status.Error(codes.Unavailable, "later") }
	each(t.Context(), t, handle, func(t *testing.T, c call) {
		line := c.log.find(t, "call finished")
		if line["level"] != "WARN" || line["code"] != "Unavailable" || line["duration_ms"] == nil {
			t.Errorf("got %v", line)
		}
		if method, _ := line["method"].(string); !strings.HasPrefix(method, "grpc.testing.TestService/") {
			t.Errorf("got method %q", method)
		}
	})
}

func TestRecovery(t *testing.T) {
	handle := func(context.Context) error { panic("a secret") }
	each(t.Context(), t, handle, func(t *testing.T, c call) {
		if status.Code(c.err) != codes.Internal || strings.Contains(c.err.Error(), "secret") {
			t.Errorf("got %v", c.err)
		}
		line := c.log.find(t, "panic in a handler")
		if stack, _ := line["stack"].(string); line["panic"] != "a secret" || !strings.Contains(stack, "TestRecovery") {
			t.Errorf("got %v", line)
		}
		if line := c.log.find(t, "call finished"); line["code"] != "Internal" || line["level"] != "ERROR" {
			t.Errorf("got %v", line)
		}
	})
}

func TestDefaultDeadline(t *testing.T) {
	var left time.Duration
	handle := func(ctx context.Context) error {
		deadline, ok := ctx.Deadline()
		if left = 0; ok {
			left = time.Until(deadline)
		}
		return nil
	}
	each(t.Context(), t, handle, func(t *testing.T, _ call) {
		streams := strings.HasSuffix(t.Name(), "/stream")
		if streams && left != 0 || !streams && (left <= 0 || left > timeout) {
			t.Errorf("got %v", left)
		}
	})

	ctx, cancel := context.WithTimeout(t.Context(), 10*timeout)
	defer cancel()
	each(ctx, t, handle, func(t *testing.T, _ call) {
		if left <= timeout {
			t.Errorf("got %v, want what the caller asked for", left)
		}
	})
}
