package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/AlecAivazis/survey/v2"
	"github.com/AlecAivazis/survey/v2/terminal"
)

// surveyPrompter is the only user of survey, which is no longer maintained.
type surveyPrompter struct{ stdio survey.AskOpt }

// newSurveyPrompter asks on standard error: standard output is for results.
func newSurveyPrompter(ctx context.Context) surveyPrompter {
	return surveyPrompter{survey.WithStdio(typed{os.Stdin, ctx}, os.Stderr, os.Stderr)}
}

// typed is a terminal's input that ends with a context: survey then gives the terminal back as it found it.
type typed struct {
	*os.File
	ctx context.Context
}

func (t typed) Read(p []byte) (int, error) {
	type result struct {
		keys []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		keys := make([]byte, len(p)) // p is survey's again when the context ends first
		n, err := t.File.Read(keys)
		done <- result{keys[:n], err}
	}()
	select {
	case r := <-done:
		return copy(p, r.keys), r.err
	case <-t.ctx.Done():
		return 0, io.EOF
	}
}

func (s surveyPrompter) Input(question, preset string, check func(string) error) (answer string, err error) {
	valid := func(v any) error { return check(fmt.Sprint(v)) }
	err = survey.AskOne(&survey.Input{Message: question, Default: preset}, &answer, s.stdio, survey.WithValidator(valid))
	return answer, interrupted(err)
}

func (s surveyPrompter) Select(question string, options []string, preset string) (answer string, err error) {
	err = survey.AskOne(&survey.Select{Message: question, Options: options, Default: preset}, &answer, s.stdio)
	return answer, interrupted(err)
}

func (s surveyPrompter) MultiSelect(question string, options, preset []string) (answer []string, err error) {
	err = survey.AskOne(&survey.MultiSelect{Message: question, Options: options, Default: preset}, &answer, s.stdio)
	return answer, interrupted(err)
}

// interrupted takes the end of the input, as when a terminal hangs up, for Ctrl-C.
func interrupted(err error) error {
	if errors.Is(err, terminal.InterruptErr) || errors.Is(err, io.EOF) {
		return ErrInterrupted
	}
	return err
}
