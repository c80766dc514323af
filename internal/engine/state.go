package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/merge"
	"github.com/svcgen/svc/internal/tree"
)

// state is what a project holds at the paths that are emitted or were.
type state struct {
	disk     map[string][]byte
	bases    map[string][]byte
	restored map[string][]byte // bases that were lost, and are to be written again
	outside  map[string]bool   // links that lead out of the project
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
	s := &state{disk: map[string][]byte{}, bases: map[string][]byte{}, restored: map[string][]byte{}, outside: map[string]bool{}}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	in := project{root: root, files: apply.NewReader(root), bases: apply.NewReader(root)}
	defer in.files.Close()
	defer in.bases.Close()
	for _, f := range t.Files() {
		if err := s.read(in, f.Path, f.Class, last.Files[f.Path]); err != nil {
			return nil, err
		}
		s.restore(f.Path, last.Files[f.Path])
	}
	for path, entry := range last.Files {
		if _, ok := t.Lookup(path); ok {
			continue
		}
		if err := s.read(in, path, entry.Class, entry); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// project is what a state is read from. Most files are beside the one before, and so are bases.
type project struct {
	root         *os.Root
	files, bases *apply.Reader
}

// read reads a file and its base.
func (s *state) read(in project, path string, class tree.Class, entry lock.Entry) error {
	if err := s.readDisk(in, path); err != nil {
		return fmt.Errorf("%w\nsvc emits %s: move away what is in its place", err, path)
	}
	if class == tree.Owned && entry.Class != tree.Merge && entry.Class != tree.Decl {
		return nil
	}
	return s.readBase(in.bases, path, entry)
}

func (s *state) readDisk(in project, name string) error {
	info, err := in.files.Lstat(name)
	if err != nil {
		return ignoreNotExist(err)
	}
	if info.Mode()&fs.ModeSymlink != 0 && leadsOut(in.root, name) {
		s.outside[name] = true
		return nil
	}
	content, err := readIn(in.files, name)
	if err == nil {
		s.disk[name] = content
	}
	return ignoreNotExist(err)
}

// readBase reads what svc emitted last. It is not known when somebody has changed it since. A lock that says nothing of it
// is lost, and one in which git has united two branches may say something else than the base that git has merged.
func (s *state) readBase(bases reader, name string, entry lock.Entry) error {
	content, err := readIn(bases, lock.BasePath(name))
	if err != nil {
		return ignoreNotExist(err)
	}
	if entry.Sum == "" || entry.Says(content) || len(entry.Others) > 0 {
		s.bases[name] = oneSide(content, s.disk[name])
	}
	return nil
}

// restore takes a file that nobody has edited for its base, when that is lost: a power cut may do that, see apply.
func (s *state) restore(name string, entry lock.Entry) {
	_, known := s.bases[name]
	disk, there := s.disk[name]
	if !known && there && (entry.Class == tree.Merge || entry.Class == tree.Decl) && entry.Sum == tree.Sum(disk) {
		s.bases[name], s.restored[name] = disk, disk
	}
}

// oneSide takes the markers of a git merge out of a base: of two sides, each of which was emitted, the one that the owner
// has taken, too, or else the first.
func oneSide(content, disk []byte) []byte {
	if !merge.Marked(content) {
		return content
	}
	var out []byte
	var sides [2][]byte
	side := -1 // outside of a conflict
	for line := range bytes.Lines(content) {
		switch {
		case bytes.HasPrefix(line, []byte("<<<<<<< ")):
			side, sides = 0, [2][]byte{}
		case bytes.HasPrefix(line, []byte("||||||| ")):
			side = 2
		case side >= 0 && bytes.Equal(bytes.TrimSpace(line), []byte("=======")):
			side = 1
		case bytes.HasPrefix(line, []byte(">>>>>>> ")):
			taken := sides[0]
			if !bytes.Contains(disk, sides[0]) && bytes.Contains(disk, sides[1]) {
				taken = sides[1]
			}
			out, side = append(out, taken...), -1
		case side < 0:
			out = append(out, line...)
		case side < 2:
			sides[side] = append(sides[side], line...)
		}
	}
	return out
}

// reader is a project: an *os.Root, or an apply.Reader of many files.
type reader interface {
	Stat(name string) (fs.FileInfo, error)
	ReadFile(name string) ([]byte, error)
}

// readIn reads a file of the project that is one, as readRegular does.
func readIn(in reader, name string) ([]byte, error) {
	info, err := in.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: move it away", name)
	}
	return in.ReadFile(name)
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
