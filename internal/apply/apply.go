// Package apply is the only code that writes to a project. A set of changes is written as a whole or not at all:
// contents are staged, the list of changes is committed to a journal, and only then do files move into place.
// A run that is killed before the commit leaves the project as it was; one that is killed after it is finished by the next.
package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/svcgen/svc/internal/tree"
)

// CacheDir is what a project keeps for one machine. Git ignores it.
const CacheDir = ".svc/cache"

const (
	stageDir  = CacheDir + "/stage"
	journal   = CacheDir + "/journal.json"
	mutex     = CacheDir + "/mutex"
	ignore    = CacheDir + "/.gitignore"
	ignoreAll = "# Of this machine only.\n*\n"
)

// Change replaces one file. A nil Content deletes it.
type Change struct {
	Path    string
	Content []byte
	Expect  []byte // what is there now; nil when nothing is
}

// ErrMoved means that a file changed between the plan and its writing. Nothing was written.
var ErrMoved = errors.New("it changed while svc was running: run svc again")

// step is a line of the journal. It can be done again: a staged file that is gone has been moved already.
type step struct {
	Path  string `json:"path"`
	Stage string `json:"stage,omitempty"` // empty deletes
	Old   string `json:"old,omitempty"`   // sum of what is replaced; empty when nothing is
}

// Project is a project's folder, held against other runs.
type Project struct {
	folder folder
	unlock func()
	// Recovered is true when opening finished what a killed run had begun.
	Recovered bool
	// Kept are files that the killed run would have replaced, and that were written to since: they were left alone.
	Kept []string
}

// Open takes hold of a project for writing, waits for another run to end, and finishes or undoes what a killed run left.
func Open(dir string) (*Project, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return hold(dir, disk{root})
}

// hold is Open for a folder that is there; it closes the folder when it fails.
func hold(dir string, in folder) (*Project, error) {
	if err := errors.Join(in.MkdirAll(CacheDir, 0o755), ensure(in, ignore, ignoreAll)); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if info, err := in.Lstat(mutex); err == nil && !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is not a regular file: remove it", mutex), in.Close())
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(dir, filepath.FromSlash(mutex))).Lock()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	p := &Project{folder: in, unlock: unlock}
	if p.Recovered, p.Kept, err = finish(in, true); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Remember keeps something for this machine in CacheDir; nil content forgets it.
func (p *Project) Remember(name string, content []byte) error {
	name = path.Join(CacheDir, name)
	if now, err := p.folder.ReadFile(name); err == nil && content != nil && string(now) == string(content) {
		return nil
	}
	if err := p.folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if content == nil {
		return nil
	}
	return p.folder.WriteFile(name, content, 0o644)
}

func ensure(in folder, name, content string) error {
	if _, err := in.Stat(name); err == nil {
		return nil
	}
	return in.WriteFile(name, []byte(content), 0o644)
}

// Close lets other runs in.
func (p *Project) Close() error {
	p.unlock()
	return p.folder.Close()
}

// Apply writes all changes or none.
func (p *Project) Apply(changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := p.check(changes); err != nil {
		return err
	}
	made, err := p.prepare(changes)
	var steps []step
	if err == nil {
		steps, err = p.stage(changes)
	}
	if err == nil {
		err = p.commit(steps)
	}
	if err != nil {
		for _, dir := range made {
			removeEmpty(p.folder, dir)
		}
		return errors.Join(err, p.folder.RemoveAll(stageDir))
	}
	_, _, err = finish(p.folder, false)
	return err
}

// check refuses a plan that is out of date, and paths where nothing can be put.
func (p *Project) check(changes []Change) error {
	for _, c := range changes {
		if err := tree.CheckPath(c.Path); err != nil {
			return err
		}
		now, err := p.folder.ReadFile(c.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && c.Expect == nil:
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case err != nil || c.Expect == nil || string(now) != string(c.Expect):
			return fmt.Errorf("%s: %w", c.Path, ErrMoved)
		}
	}
	return nil
}

// prepare makes the folders that files move to, and sees that each takes files: after the commit nothing may fail.
// It returns the folders that it made.
func (p *Project) prepare(changes []Change) (made []string, err error) {
	seen := map[string]bool{}
	for _, c := range changes {
		dir := path.Dir(c.Path)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		if _, err := p.folder.Stat(dir); err == nil {
			if err := p.probe(dir); err != nil {
				return made, err
			}
			continue
		}
		if c.Content == nil {
			delete(seen, dir) // what is to be deleted is gone with its folder; another change may bring that back
			continue
		}
		made = append(made, dir)
		if err := p.folder.MkdirAll(dir, 0o755); err != nil {
			return made, err
		}
	}
	return made, nil
}

// probe makes and removes a file in a folder that was there before. One that svc made takes files.
func (p *Project) probe(dir string) error {
	name := path.Join(dir, ".svc-probe")
	if err := errors.Join(p.folder.WriteFile(name, nil, 0o600), p.folder.Remove(name)); err != nil {
		return fmt.Errorf("%s can't be written to: %w", dir, err)
	}
	return nil
}

// stage puts the new contents on disk beside the project.
func (p *Project) stage(changes []Change) ([]step, error) {
	if err := errors.Join(p.folder.RemoveAll(stageDir), p.folder.MkdirAll(stageDir, 0o755)); err != nil {
		return nil, err
	}
	stage, err := p.folder.OpenFolder(stageDir) // the way there is walked once, not for each file
	if err != nil {
		return nil, err
	}
	defer stage.Close()
	steps := make([]step, len(changes))
	g := syncGroup()
	for i, c := range changes {
		steps[i].Path = c.Path
		if c.Expect != nil {
			steps[i].Old = tree.Sum(c.Expect)
		}
		if c.Content == nil {
			continue
		}
		name := strconv.Itoa(i)
		steps[i].Stage = path.Join(stageDir, name)
		g.Go(func() error { return writeSynced(stage, name, c.Content, p.replaced(c)) })
	}
	return steps, g.Wait()
}

// replaced describes the file that a change replaces, or is nil.
func (p *Project) replaced(c Change) fs.FileInfo {
	if c.Expect == nil {
		return nil
	}
	info, err := p.folder.Stat(c.Path)
	if err != nil {
		return nil
	}
	return info
}

// writeSynced writes a new file, with the mode of the one that it replaces, if any.
func writeSynced(in folder, name string, content []byte, old fs.FileInfo) error {
	perm := fs.FileMode(0o644)
	if old != nil {
		perm = old.Mode().Perm()
	}
	f, err := in.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if old != nil {
		err = errors.Join(err, keepMode(f, old.Mode()))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// keepMode gives f a mode that the umask may have narrowed. A file system that has one mode for all is not asked to.
func keepMode(f file, mode fs.FileMode) error {
	info, err := f.Stat()
	if err != nil || info.Mode() == mode {
		return err
	}
	return f.Chmod(mode)
}

// commit is the point of no return. What the journal names is on the disk before it is.
func (p *Project) commit(steps []step) error {
	content, err := json.Marshal(steps)
	if err != nil {
		return err
	}
	const draft = journal + ".draft"
	g := syncGroup()
	g.Go(func() error { return writeSynced(p.folder, draft, content, nil) })
	g.Go(func() error { return syncFolders(p.folder, []step{{Path: stageDir + "/0"}}) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := p.folder.Rename(draft, journal); err != nil {
		return err
	}
	if err := syncFolder(p.folder, CacheDir); err != nil {
		return errors.Join(err, p.folder.Remove(journal))
	}
	return nil
}

// finish does the steps of a committed journal and removes it. It reports whether there was one. A later run looks
// whether the files are still as the journal knows them, and keeps those that are not.
func finish(in folder, later bool) (found bool, kept []string, err error) {
	content, err := in.ReadFile(journal)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil, in.RemoveAll(stageDir)
	}
	if err != nil {
		return false, nil, err
	}
	var steps []step
	if err := json.Unmarshal(content, &steps); err != nil {
		return false, nil, fmt.Errorf("%s is damaged; remove it to give up the run that wrote it: %w", journal, err)
	}
	for _, s := range steps {
		if err := s.check(); err != nil {
			return false, nil, err
		}
		if later && touched(in, s) {
			kept = append(kept, s.Path)
			continue
		}
		if err := do(in, s); err != nil {
			return false, nil, err
		}
	}
	if err := syncFolders(in, steps); err != nil {
		return false, nil, err
	}
	return true, kept, errors.Join(in.Remove(journal), in.RemoveAll(stageDir))
}

// touched reports whether a file is neither as it was before the run that wrote the journal nor as that run left it.
func touched(in folder, s step) bool {
	now, err := in.ReadFile(s.Path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	sum := tree.Sum(now)
	if sum == s.Old {
		return false
	}
	if s.Stage == "" {
		return true
	}
	staged, err := in.ReadFile(s.Stage)
	return err == nil && sum != tree.Sum(staged)
}

// check refuses a step of a journal that somebody else wrote.
func (s step) check() error {
	if s.Stage != "" && (tree.CheckPath(s.Stage) != nil || path.Dir(s.Stage) != stageDir) {
		return fmt.Errorf("%s names %q, which is not below %s", journal, s.Stage, stageDir)
	}
	return tree.CheckPath(s.Path)
}

func do(in folder, s step) error {
	if s.Stage == "" {
		if err := in.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removeEmpty(in, path.Dir(s.Path))
		return nil
	}
	err := in.Rename(s.Stage, s.Path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Either an earlier try has moved the file, or it is the first of its folder.
	if _, err := in.Lstat(s.Stage); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := in.MkdirAll(path.Dir(s.Path), 0o755); err != nil {
		return err
	}
	return in.Rename(s.Stage, s.Path)
}

// removeEmpty takes away folders that a deletion left empty.
func removeEmpty(in folder, dir string) {
	for ; dir != "."; dir = path.Dir(dir) {
		if in.Remove(dir) != nil {
			return // not empty
		}
	}
}

// Fill writes files into a folder that nobody else knows yet.
func Fill(dir string, files map[string][]byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for name, content := range files {
		if err := tree.CheckPath(name); err != nil {
			return err
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
