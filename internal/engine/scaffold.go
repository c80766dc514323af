package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
)

// Scaffold is a project that does not exist yet.
type Scaffold struct {
	Dir      string
	Manifest *manifest.Manifest
	Contract *protoload.Contract
	// Sources are the files of the contract to put into the project, by path in the project.
	Sources map[string][]byte
	// Finish runs in the complete project before it moves into place, e.g. go mod tidy; nil for nothing.
	Finish func(ctx context.Context, dir string) error
}

// TakenError means that there is something where a project should be made.
type TakenError struct{ what string }

// Error says what there is.
func (e *TakenError) Error() string { return e.what }

// CheckEmpty returns a TakenError unless dir is absent or empty.
func CheckEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if file := fileOn(dir); file != "" {
			return &TakenError{file + " is a file, not a folder"}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	// A repository that was just cloned is as good as empty.
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" })
	if len(entries) == 0 {
		return nil
	}
	return &TakenError{dir + " is not empty: it holds " + firstOf(entries)}
}

// fileOn returns the file that is on the way to dir, if any: which error that is depends on the system.
func fileOn(dir string) string {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err == nil && !info.IsDir() {
			return d
		}
		if err == nil || d == filepath.Dir(d) {
			return ""
		}
	}
}

// firstOf names the first few entries.
func firstOf(entries []fs.DirEntry) string {
	const most = 5
	var names []string
	for _, e := range entries[:min(most, len(entries))] {
		names = append(names, e.Name())
	}
	list := strings.Join(names, ", ")
	if more := len(entries) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// Create makes the project in a hidden folder beside its place and moves it there when it is complete,
// so that a failure or an interrupt leaves nothing behind.
func (e *Engine) Create(ctx context.Context, s Scaffold) (*Result, error) {
	if err := CheckEmpty(s.Dir); err != nil {
		return nil, err
	}
	content := manifest.Format(s.Manifest)
	m, err := e.ParseManifest(manifest.FileName, content)
	if err != nil {
		return nil, err
	}
	emission, err := e.Emit(ctx, m, s.Contract, Present{}, true)
	if err != nil {
		return nil, err
	}
	r, err := e.Plan(filepath.Join(s.Dir, "absent"), m, emission, Whole)
	if err != nil {
		return nil, err
	}
	extra := map[string][]byte{manifest.FileName: content}
	for path, c := range s.Sources {
		extra[path] = c
	}
	if err := s.place(ctx, New(r.Plan, extra)); err != nil {
		return nil, err
	}
	return r, nil
}

// place writes the files beside s.Dir, finishes them, and moves them there.
func (s Scaffold) place(ctx context.Context, files map[string][]byte) (err error) {
	made, err := makeDir(s.Dir)
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	if err != nil {
		return err
	}
	stage, err := os.MkdirTemp(s.Dir, ".svc-new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, diag.Left(stage, os.RemoveAll(stage))) }()
	if err := apply.Fill(stage, files); err != nil {
		return err
	}
	if s.Finish != nil {
		if err := s.Finish(ctx, stage); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return moveEntries(stage, s.Dir)
}

// makeDir makes dir and returns the folders that were missing, innermost first.
func makeDir(dir string) (made []string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for d := abs; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil {
			break
		}
		made = append(made, d)
	}
	return made, os.MkdirAll(abs, 0o755)
}

// removeEmpty takes away folders that were made for nothing, but not what others have put there since.
func removeEmpty(made []string) {
	for _, d := range made {
		if os.Remove(d) != nil {
			return
		}
	}
}

// moveEntries moves what is in from to to, and takes all back when one can't be. It replaces nothing.
func moveEntries(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	var moved []string
	for _, e := range entries {
		if err := moveNew(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			for _, name := range slices.Backward(moved) {
				back := filepath.Join(to, name)
				err = errors.Join(err, diag.Left(back, os.RemoveAll(back)))
			}
			return err
		}
		moved = append(moved, e.Name())
	}
	return nil
}

func moveNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s: %w since svc began", to, fs.ErrExist)
	}
	return os.Rename(from, to)
}
