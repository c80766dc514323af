// Package cli is the command svc: cobra commands that turn flags into options, call the engine and print.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/ui"
)

// The exit codes of svc.
const (
	exitOK          = 0
	exitFailure     = 1
	exitInput       = 2 // flags, svc.yaml or .proto
	exitDrift       = 3 // generate --check
	exitConflict    = 4 // left for the user
	exitInterrupted = 130
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Endings that have been reported already.
var (
	errDrift     = errors.New("drift")
	errConflicts = errors.New("conflicts")
)

// Main runs svc and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, ui.System(), os.Args[1:])
}

// Run runs svc with the given streams and arguments and returns its exit code.
func Run(ctx context.Context, io *ui.IO, args []string) int {
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, err)
	switch {
	case err == nil, errors.Is(err, errDrift), errors.Is(err, errConflicts):
	case code == exitInterrupted:
		fmt.Fprintln(io.Err, "svc: interrupted")
	default:
		fmt.Fprintf(io.Err, "svc: %v\n", explained(err))
	}
	return code
}

func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var found diag.Set
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil, errors.Is(err, ui.ErrInterrupted):
		return exitInterrupted
	case errors.Is(err, errDrift):
		return exitDrift
	case errors.Is(err, errConflicts):
		return exitConflict
	case errors.As(err, &usage), errors.As(err, &found), errors.Is(err, engine.ErrNoProject):
		return exitInput
	default:
		return exitFailure
	}
}

// explained puts the source lines into findings.
func explained(err error) error {
	var found sourced
	if errors.As(err, &found) {
		return fmt.Errorf("%s\n%w", plural(len(found.Set), "error"), found.withSource())
	}
	var set diag.Set
	if errors.As(err, &set) {
		return explained(sourced{Set: set, dir: "."})
	}
	return err
}

// sourced are findings whose files are relative to a folder.
type sourced struct {
	diag.Set
	dir string
}

func (s sourced) Unwrap() error { return s.Set }

func (s sourced) withSource() diag.Set {
	return s.WithSource(func(file string) ([]byte, error) {
		if !filepath.IsAbs(file) {
			file = filepath.Join(s.dir, filepath.FromSlash(file))
		}
		return os.ReadFile(file)
	})
}

// inDir remembers what the files of findings are relative to.
func inDir(dir string, err error) error {
	var set diag.Set
	if errors.As(err, &set) {
		return sourced{Set: set, dir: dir}
	}
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
