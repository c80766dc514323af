package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"example.com/quay/internal/platform/config"
)

// SignalContext returns a context that is done when the process is asked to end by SIGINT or SIGTERM. A second signal
// ends it at once.
func SignalContext() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // gives signals their usual effect back
	return ctx, stop
}

// Exit codes of the app.
const (
	exitOK      = 0
	exitFailure = 1 // it could not start, or stopped by itself
	exitUsage   = 2 // a mistake in a flag, a file or a variable
)

// ExitCode tells the user about err, and returns the code that the process ends with.
func ExitCode(err error) int {
	var printed config.Printed
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &printed):
		fmt.Print(printed)
		return exitOK
	case errors.Is(err, config.ErrInvalid):
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	default:
		slog.Error("failed", "error", err)
		return exitFailure
	}
}
