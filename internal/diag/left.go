package diag

import "fmt"

// LeftError says what a clean-up could not take away.
type LeftError struct {
	Path string
	Err  error
}

// Left returns a LeftError, or nil when err is.
func Left(path string, err error) error {
	if err == nil {
		return nil
	}
	return &LeftError{path, err}
}

// Error names the path, which is for its owner to remove.
func (e *LeftError) Error() string { return fmt.Sprintf("%s is left behind: %v", e.Path, e.Err) }

// Unwrap returns why it could not be taken away.
func (e *LeftError) Unwrap() error { return e.Err }

// AllLeft returns every LeftError that err wraps or joins.
func AllLeft(err error) []*LeftError {
	switch e := err.(type) { //nolint:errorlint // it is the walk that errors.As is
	case *LeftError:
		return []*LeftError{e}
	case interface{ Unwrap() error }:
		return AllLeft(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []*LeftError
		for _, err := range e.Unwrap() {
			all = append(all, AllLeft(err)...)
		}
		return all
	}
	return nil
}
