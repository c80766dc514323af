package ui

import (
	"errors"
	"fmt"
	"io"

	"github.com/AlecAivazis/survey/v2"
	"github.com/AlecAivazis/survey/v2/terminal"
)

// surveyPrompter is the only user of survey, which is no longer maintained.
type surveyPrompter struct{}

func (surveyPrompter) Input(question, preset string, check func(string) error) (answer string, err error) {
	valid := func(v any) error { return check(fmt.Sprint(v)) }
	err = survey.AskOne(&survey.Input{Message: question, Default: preset}, &answer, survey.WithValidator(valid))
	return answer, interrupted(err)
}

func (surveyPrompter) Select(question string, options []string, preset string) (answer string, err error) {
	err = survey.AskOne(&survey.Select{Message: question, Options: options, Default: preset}, &answer)
	return answer, interrupted(err)
}

func (surveyPrompter) MultiSelect(question string, options, preset []string) (answer []string, err error) {
	err = survey.AskOne(&survey.MultiSelect{Message: question, Options: options, Default: preset}, &answer)
	return answer, interrupted(err)
}

// interrupted takes the end of the input, as when a terminal hangs up, for Ctrl-C.
func interrupted(err error) error {
	if errors.Is(err, terminal.InterruptErr) || errors.Is(err, io.EOF) {
		return ErrInterrupted
	}
	return err
}
