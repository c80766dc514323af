package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/tree"
)

// state is what a project holds at the paths that are emitted or were.
type state struct {
	disk    map[string][]byte
	bases   map[string][]byte
	outside map[string]bool // links that lead out of the project
}

func readLock(dir string) (*lock.Lock, error) {
	content, err := readRegular(filepath.Join(dir, filepath.FromSlash(lock.Path)))
	if errors.Is(err, fs.ErrNotExist) {
		return lock.New(), nil
	}
	if err != nil {
		return nil, err
	}
	l, err := lock.Parse(content)
	if err != nil {
		var found diag.Set
		found.At(diag.Pos{File: lock.Path}, lockHint(err), "%v", err)
		return nil, found.Err()
	}
	return l, nil
}

func lockHint(err error) string {
	if errors.Is(err, lock.ErrVersion) {
		return "use the svc that wrote it, or a newer one"
	}
	return "restore it from version control"
}

// readState reads the project in dir. One that does not exist is empty.
func readState(dir string, t *tree.Tree, last *lock.Lock) (*state, error) {
	s := &state{disk: map[string][]byte{}, bases: map[string][]byte{}, outside: map[string]bool{}}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, f := range t.Files() {
		if err := s.read(root, f.Path); err != nil {
			return nil, err
		}
		if f.Class != tree.Owned { // the base says what was emitted, even if the lock is lost
			if err := s.readBase(root, f.Path); err != nil {
				return nil, err
			}
		}
	}
	for path, entry := range last.Files {
		f, ok := t.Lookup(path)
		if !ok {
			if err := s.read(root, path); err != nil {
				return nil, err
			}
		}
		if entry.Class != tree.Owned && (!ok || f.Class == tree.Owned) {
			if err := s.readBase(root, path); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *state) read(root *os.Root, name string) error {
	if leadsOut(root, name) {
		s.outside[name] = true
		return nil
	}
	content, err := readIn(root, name)
	switch {
	case err == nil:
		s.disk[name] = content
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// readBase reads what svc emitted last. With the markers of a merge in it, nobody knows what that was.
func (s *state) readBase(root *os.Root, name string) error {
	content, err := readIn(root, lock.BasePath(name))
	switch {
	case err == nil && !bytes.Contains(content, []byte("\n<<<<<<< ")):
		s.bases[name] = content
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// readIn reads a file of the project that is one, as readRegular does.
func readIn(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: move it away", name)
	}
	return root.ReadFile(name)
}

// leadsOut reports whether a file is a link to a place outside the project.
func leadsOut(root *os.Root, name string) bool {
	_, out := followLinks(root, name)
	return out
}

// followLinks returns where in the project the content of a file is, when its last element is a link.
func followLinks(root *os.Root, name string) (at string, out bool) {
	const most = 16 // more is a loop
	for range most {
		target, err := root.Readlink(name)
		if err != nil {
			return name, false // not a link
		}
		target = filepath.ToSlash(target)
		if path.IsAbs(target) || filepath.IsAbs(target) {
			return name, true
		}
		next := path.Join(path.Dir(name), target)
		if next == ".." || len(next) > 2 && next[:3] == "../" {
			return name, true
		}
		name = next
	}
	return name, true
}
