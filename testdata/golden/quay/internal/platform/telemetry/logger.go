package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/requestid"
)

// NewLogger returns a logger that writes to w. Lines logged with a context (slog.InfoContext) carry the request id and
// the trace id of the call that the context belongs to.
func NewLogger(cfg config.Log, w io.Writer) *slog.Logger {
	options := slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "text" {
		return slog.New(contextHandler{slog.NewTextHandler(w, &options)})
	}
	return slog.New(contextHandler{slog.NewJSONHandler(w, &options)})
}

// contextHandler adds what the context of a line knows.
type contextHandler struct {
	slog.Handler
}

func (h contextHandler) Handle(ctx context.Context, record slog.Record) error {
	if id := requestid.FromContext(ctx); id != "" {
		record.AddAttrs(slog.String("request_id", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
