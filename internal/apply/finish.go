package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/svcgen/svc/internal/tree"
)

// step is a line of the journal. It can be done again: a staged file that is gone has been moved already.
type step struct {
	Path  string `json:"path"`
	Stage string `json:"stage,omitempty"` // empty deletes
	Old   string `json:"old,omitempty"`   // sum of what is replaced; empty when nothing is
	moved bool   // the staged file is where it should be
}

// finish does the steps of a committed journal and removes it, or undoes what was done without one. It reports whether
// there was one, and the files that it left alone. A later run than the one that committed finds some of it done.
func finish(in folder, later bool) (found bool, kept []string, err error) {
	steps, err := readJournal(in)
	if errors.Is(err, fs.ErrNotExist) {
		if err := undo(in); err != nil {
			return false, nil, notWritten(err)
		}
		return false, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	todo, kept, err := survey(in, steps, later)
	if err == nil {
		err = doAll(in, todo)
	}
	if err == nil {
		err = syncFolders(in, steps)
	}
	if err == nil {
		err = in.Remove(journal)
	}
	if err != nil {
		return false, nil, unfinished(err)
	}
	_ = in.RemoveAll(stageDir) // or the next run does it: without a journal there is nothing of worth in it
	return true, kept, nil
}

func readJournal(in folder) ([]step, error) {
	content, err := in.ReadFile(journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, doubtful(err)
	}
	var steps []step
	if err := json.Unmarshal(content, &steps); err != nil {
		return nil, fmt.Errorf("%s is damaged; remove it to give up the run that wrote it: %w", journal, err)
	}
	for _, s := range steps {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("%w; remove %s to give up the run that wrote it", err, journal)
		}
	}
	return steps, nil
}

// check refuses a step of a journal that somebody else wrote.
func (s step) check() error {
	if s.Stage != "" && (tree.CheckPath(s.Stage) != nil || path.Dir(s.Stage) != stageDir) {
		return fmt.Errorf("%s names %q, which is not below %s", journal, s.Stage, stageDir)
	}
	return tree.CheckPath(s.Path)
}

// records reports whether a step replaces what svc knows of the files that it emitted, which is committed with them.
func (s step) records() bool {
	return s.Path == ".svc/lock.json" || strings.HasPrefix(s.Path, ".svc/base/")
}

// spare reports whether a step may be lost in a power cut: a new base is what the file is that it is of, and made again
// from that one. It need not be synced.
func (s step) spare() bool {
	return s.Stage != "" && s.Old == "" && strings.HasPrefix(s.Path, ".svc/base/")
}

// survey lists the steps that are to be done yet, and the files that were written to since the plan. These are kept, and
// so is svc's record as long as none of it has been replaced: it would say of them that they had been brought up to date.
// With the old one the next plan sees the other files as edited by hand into what it wants, and merges those.
func survey(top folder, steps []step, later bool) (todo []step, kept []string, err error) {
	in := &nearby{folder: top}
	defer in.leave()
	recorded, err := progress(in, steps, later)
	if err != nil {
		return nil, nil, err
	}
	var records []step
	for _, s := range steps {
		if recorded && !s.records() && (s.moved || s.Stage == "") || s.Stage == "" && renamed(steps, s) {
			continue // it is done, and what has become of the file since is not svc's
		}
		touched, err := s.touched(in, later)
		switch {
		case err != nil:
			return nil, nil, err
		case touched:
			kept = append(kept, s.Path)
		case s.moved:
		case s.records():
			records = append(records, s)
		default:
			todo = append(todo, s)
		}
	}
	if len(kept) == 0 || recorded {
		todo = append(todo, records...)
	}
	return todo, kept, nil
}

// progress finds the steps that have moved their file, and reports whether svc's record is among them: it is the last, and
// begun when all else is done. In the run that has just committed them there can be none.
func progress(in folder, steps []step, later bool) (recorded bool, err error) {
	for i := range steps {
		s := &steps[i]
		if s.Stage == "" {
			continue
		}
		_, err := in.Lstat(s.Stage)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if !later {
			return false, fmt.Errorf("%s is gone: another run of svc has taken it", s.Stage)
		}
		s.moved = true
		if s.records() {
			restored, err := s.touched(in, later)
			if err != nil {
				return false, err
			}
			recorded = recorded || !restored
		}
	}
	return recorded, nil
}

// renamed reports whether what a deletion may find is the file that has been moved to its name in another case, which is
// one file where case is ignored.
func renamed(steps []step, deletion step) bool {
	return slices.ContainsFunc(steps, func(s step) bool { return s.moved && strings.EqualFold(s.Path, deletion.Path) })
}

// touched reports whether somebody wrote to a file since the plan: it is neither what it was nor what it is to be, or
// again what it was, though its step is done. One that is to be replaced and was removed is not missed.
func (s step) touched(in folder, later bool) (bool, error) {
	now, err := sum(in, s.Path)
	if err != nil || s.moved {
		return now == s.Old, err
	}
	if now == s.Old || now == "" {
		return later && s.linked(in), nil
	}
	if s.Stage == "" {
		return true, nil
	}
	staged, err := sum(in, s.Stage)
	return now != staged || later && s.linked(in), err
}

// linked reports whether a link stands where a file is to be. The plan follows links, so it has come since. A link is
// deleted like the file that it leads to, if it leads to any.
func (s step) linked(in folder) bool {
	info, err := in.Lstat(s.Path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	_, err = in.Stat(s.Path)
	return s.Stage != "" || errors.Is(err, fs.ErrNotExist)
}

// inTheWay is for what can't be replaced by a file.
const inTheWay = "in the way"

// sum is the sum of a file, or empty when there is none.
func sum(in folder, name string) (string, error) {
	content, err := in.ReadFile(name)
	switch {
	case err == nil:
		return tree.Sum(content), nil
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case unreachable(err):
		return inTheWay, nil
	}
	if info, failed := in.Stat(name); failed == nil && !info.Mode().IsRegular() {
		return inTheWay, nil
	}
	return "", err
}

// unreachable reports whether a path leads through a file, or, which is an error of os.Root's own, through a link out of
// the project.
func unreachable(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || !errors.As(err, new(syscall.Errno))
}

func doAll(top folder, steps []step) error {
	staged, in := &nearby{folder: top}, &nearby{folder: top}
	defer staged.leave()
	defer in.leave()
	for _, s := range steps {
		if err := do(staged, in, s); err != nil {
			return err
		}
	}
	return nil
}

func do(staged, in *nearby, s step) error {
	if s.Stage == "" {
		in.leave() // what is open can't be removed on every system
		if err := in.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removeEmpty(in.folder, path.Dir(s.Path))
		return nil
	}
	from, to := staged.enter(path.Dir(s.Stage)), in.enter(path.Dir(s.Path))
	if from.err == nil && to.err == nil {
		err := from.open.Move(path.Base(s.Stage), to.open, path.Base(s.Path))
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	in.leave()
	err := in.Rename(s.Stage, s.Path) // from the top, as a link may have to be followed
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// It is the first of its folder, which went with what was deleted from it.
	if err := in.MkdirAll(path.Dir(s.Path), 0o755); err != nil {
		return err
	}
	return in.Rename(s.Stage, s.Path)
}

// removeEmpty takes away folders that a deletion left empty. A link to a folder, which can be removed whatever the
// folder has, stays. So does what can't be removed: an empty folder is no reason to fail.
func removeEmpty(in folder, dir string) {
	for ; dir != "."; dir = path.Dir(dir) {
		info, err := in.Lstat(dir)
		if err == nil && info.IsDir() {
			err = in.Remove(dir)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return
		}
	}
}
