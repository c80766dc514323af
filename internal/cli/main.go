// Package cli is the command svc: cobra commands that turn flags into options, call the engine and print.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

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
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends svc at once
	io := ui.System(ctx)
	return patiently(ctx, io, func() int { return Run(ctx, io, os.Args[1:]) })
}

// patience is what an interrupted run has to take away what it made. A read from a network folder that does not answer
// would never come back; a project that is half written is finished by the next run.
const patience = 10 * time.Second

// patiently returns what run returns, or stops to wait for it.
func patiently(ctx context.Context, io *ui.IO, run func() int) int {
	code := make(chan int, 1)
	go func() { code <- run() }()
	select {
	case c := <-code:
		return c
	case <-ctx.Done():
	}
	select {
	case c := <-code:
		return c
	case <-time.After(patience):
		fmt.Fprintf(io.Err, "svc: interrupted, and still not done after %v: a file or folder does not answer\n", patience)
		return exitInterrupted
	}
}

// Run runs svc with the given streams and arguments and returns its exit code.
func Run(ctx context.Context, io *ui.IO, args []string) int {
	root := newRoot(io)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	checkArgs(root)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, err)
	switch {
	case err == nil, reported(err):
	case code == exitInterrupted:
		fmt.Fprintln(io.Err, "svc: interrupted")
		for _, left := range diag.AllLeft(err) {
			fmt.Fprintf(io.Err, "svc: %v\n", left)
		}
	default:
		fmt.Fprintf(io.Err, "svc: %v\n", explained(err))
	}
	return code
}

func reported(err error) bool { return errors.Is(err, errDrift) || errors.Is(err, errConflicts) }

func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var found diag.Set
	var taken *engine.TakenError
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil, errors.Is(err, ui.ErrInterrupted):
		return exitInterrupted
	case errors.Is(err, errDrift):
		return exitDrift
	case errors.Is(err, errConflicts):
		return exitConflict
	case errors.As(err, &usage), errors.As(err, &found), errors.As(err, &taken),
		errors.Is(err, engine.ErrNoProject), errors.Is(err, engine.ErrNotResolved):
		return exitInput
	default:
		return exitFailure
	}
}

// explained says how many findings there are, and puts the source lines into them.
func explained(err error) error {
	var found diag.Set
	if !errors.As(err, &found) {
		return err
	}
	return fmt.Errorf("%s\n%w", plural(len(found), "error"), withSource(found))
}

func withSource(found diag.Set) diag.Set { return found.WithSource(os.ReadFile) }

// located makes the files of findings, which are relative to dir, relative to the working folder,
// so that an editor or a terminal can open them.
func located(dir string, found diag.Set) diag.Set {
	out := slices.Clone(found)
	for i, d := range out {
		out[i].File = inDir(dir, d.File)
	}
	return out
}

// inDir returns the path, from the working folder, of a file that is named relative to dir.
func inDir(dir, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.ToSlash(filepath.Join(dir, filepath.FromSlash(file)))
}

func locatedError(dir string, err error) error {
	var found diag.Set
	if errors.As(err, &found) {
		return located(dir, found)
	}
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
