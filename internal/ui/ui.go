// Package ui is the terminal: streams, progress and prompts.
package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// IO are the streams of a command: results go to Out; questions, progress and diagnostics go to Err.
type IO struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Prompter asks the user. It is nil without a terminal, where nothing is ever asked.
	Prompter Prompter
}

// Prompter asks for what was not given. Every answer has a default.
type Prompter interface {
	// Input asks for a line of text that check accepts.
	Input(question, preset string, check func(string) error) (string, error)
	// Select asks for one of options.
	Select(question string, options []string, preset string) (string, error)
	// MultiSelect asks for any of options.
	MultiSelect(question string, options, preset []string) ([]string, error)
}

// ErrInterrupted means that the user ended a prompt with Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// System returns the streams of the process, with prompts when it runs on a terminal. They end with ctx.
func System(ctx context.Context) *IO {
	s := &IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	if term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())) {
		s.Prompter = newSurveyPrompter(ctx)
	}
	return s
}

// Progress tells what takes a while.
func (s *IO) Progress(step string) { fmt.Fprintf(s.Err, "… %s\n", step) }
