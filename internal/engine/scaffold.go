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

// NotEmptyError means that there is something where a project should be made.
type NotEmptyError struct {
	Dir     string
	Entries []string
}

// Error names the first few entries.
func (e *NotEmptyError) Error() string {
	const most = 5
	list := e.Entries
	more := ""
	if len(list) > most {
		more = fmt.Sprintf(" and %d more", len(list)-most)
		list = list[:most]
	}
	return fmt.Sprintf("%s is not empty: it holds %s%s", e.Dir, strings.Join(list, ", "), more)
}

// CheckEmpty returns a NotEmptyError unless dir is absent or empty.
func CheckEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file, not a folder", dir)
	}
	// A repository that was just cloned is as good as empty.
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" })
	if err != nil || len(entries) == 0 {
		return err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return &NotEmptyError{Dir: dir, Entries: names}
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
	emission, err := e.Emit(ctx, m, s.Contract, Module{}, true)
	if err != nil {
		return nil, err
	}
	p, err := e.Plan(filepath.Join(s.Dir, "absent"), emission.Tree, Whole)
	if err != nil {
		return nil, err
	}
	extra := map[string][]byte{manifest.FileName: content}
	for path, c := range s.Sources {
		extra[path] = c
	}
	if err := s.place(ctx, New(p, extra)); err != nil {
		return nil, err
	}
	return &Result{Plan: p, Warnings: emission.Model.Warnings}, nil
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
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
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
				err = errors.Join(err, os.RemoveAll(filepath.Join(to, name)))
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
