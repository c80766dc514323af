package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/AlecAivazis/survey/v2/terminal"
)

func TestProgressGoesToStandardError(t *testing.T) {
	var out, diagnostics bytes.Buffer
	s := &IO{Out: &out, Err: &diagnostics}
	s.Progress("go mod tidy")
	if out.Len() > 0 || diagnostics.String() != "… go mod tidy\n" {
		t.Errorf("stdout %q, stderr %q", &out, &diagnostics)
	}
}

func TestNothingIsAskedWithoutATerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = null
	t.Cleanup(func() { os.Stdin = stdin; null.Close() })
	if s := System(t.Context()); s.Prompter != nil {
		t.Errorf("there is a prompter: %T", s.Prompter)
	}
}

func TestEndOfAPrompt(t *testing.T) {
	other := errors.New("other")
	for _, tc := range []struct{ err, want error }{
		{nil, nil},
		{terminal.InterruptErr, ErrInterrupted},
		{fmt.Errorf("reading: %w", io.EOF), ErrInterrupted},
		{other, other},
	} {
		if got := interrupted(tc.err); !errors.Is(got, tc.want) || (got == nil) != (tc.want == nil) {
			t.Errorf("interrupted(%v) is %v, want %v", tc.err, got, tc.want)
		}
	}
}
