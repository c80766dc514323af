// Package apply is the only code that writes to a project. A set of changes is written as a whole or not at all:
// contents are staged, the list of changes is committed to a journal, and only then do files move into place.
// A run that is killed before the commit leaves the project as it was; one that is killed after it is finished by the next.
package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

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
	Like    string // the file whose mode a new one is given; empty for none
}

// ErrMoved means that a file changed between the plan and its writing. It is as it was changed, and svc's record of it
// as it was.
var ErrMoved = errors.New("it changed while svc was running: run svc again")

// Project is a project's folder, held against other runs.
type Project struct {
	dir    string
	folder folder
	mutex  fs.FileInfo
	unlock func()
	// Recovered is true when opening finished what a killed run had begun.
	Recovered bool
	// Kept are files that the killed run would have replaced, and that were written to since: they were left alone, and
	// svc's record was, so that the next plan brings them up to date.
	Kept []string
}

// Open takes hold of a project for writing, waits for another run to end, and finishes or undoes what a killed run left.
func Open(dir string) (*Project, error) { return OpenContext(context.Background(), dir) }

// OpenContext is Open for who may give up waiting: once ctx has ended, nothing is done to the project any more.
func OpenContext(ctx context.Context, dir string) (*Project, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return hold(ctx, dir, newDisk(root))
}

// hold is OpenContext for a folder that is there; it closes the folder when it fails.
func hold(ctx context.Context, dir string, in folder) (*Project, error) {
	p := &Project{dir: dir, folder: in}
	if err := p.lock(ctx); err != nil {
		return nil, errors.Join(notWritten(err), in.Close())
	}
	var err error
	if p.Recovered, p.Kept, err = finish(in, true); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// lock waits for the mutex. One that was replaced meanwhile keeps nobody out, and is waited for anew.
func (p *Project) lock(ctx context.Context) error {
	name := filepath.Join(p.dir, filepath.FromSlash(mutex))
	for {
		if err := p.makeCache(); err != nil {
			return err
		}
		unlock, err := lockedfile.MutexAt(name).Lock()
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			unlock()
			return ctx.Err()
		}
		now, err := os.Lstat(name)
		if err == nil && os.SameFile(now, p.mutex) {
			p.unlock = unlock
			return nil
		}
		unlock()
		if err := p.there(); err != nil {
			return err
		}
	}
}

// makeCache makes the cache with the mutex in it, where they are missing.
func (p *Project) makeCache() error {
	if err := p.folder.MkdirAll(CacheDir, 0o755); err != nil {
		return err
	}
	if err := ensure(p.folder, ignore, ignoreAll); err != nil {
		return err
	}
	if info, err := p.folder.Lstat(mutex); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: remove it", mutex)
	}
	f, err := p.folder.OpenFile(mutex, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	p.mutex = info
	return cmp.Or(err, f.Close())
}

// there checks that the project is where it was: what is read at its path is read from the folder that is held.
func (p *Project) there() error {
	held, err := p.folder.Stat(".")
	if err != nil {
		return err
	}
	if now, err := os.Stat(p.dir); err != nil || !os.SameFile(now, held) {
		return fmt.Errorf("%s was moved while svc was running", p.dir)
	}
	return nil
}

// held checks that the project is still held against other runs.
func (p *Project) held() error {
	if err := p.there(); err != nil {
		return err
	}
	now, err := p.folder.Lstat(mutex)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, p.mutex) {
		return fmt.Errorf("%s was removed while svc was running", mutex)
	}
	return err
}

// notWritten and the like tell what became of a run that failed, and what to do.
func notWritten(err error) error {
	return fmt.Errorf("%w; nothing was written: mend that and run svc again", err)
}

func unfinished(err error) error {
	return fmt.Errorf("%w; not all files are in place yet: mend that, and the next run of svc finishes this one", err)
}

func doubtful(err error) error {
	return fmt.Errorf("%w; mend that, and the next run of svc finishes this one or undoes it", err)
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

// ensure writes a file that is not there, or that a run which was killed has written in part.
func ensure(in folder, name, content string) error {
	now, err := in.ReadFile(name)
	if err == nil && (len(now) >= len(content) || !strings.HasPrefix(content, string(now))) {
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
	if err := p.current(changes); err != nil {
		return err
	}
	if err := p.begin(changes); err != nil {
		_ = undo(p.folder) // or the next run does it
		return err
	}
	if err := commit(p.folder); err != nil {
		if !withdraw(p.folder) {
			return doubtful(err)
		}
		_ = undo(p.folder)
		return notWritten(err)
	}
	_, kept, err := finish(p.folder, false)
	if err == nil && len(kept) > 0 {
		err = fmt.Errorf("%s: %w", strings.Join(kept, ", "), ErrMoved)
	}
	return err
}

// current checks that nothing has changed since the plan was made.
func (p *Project) current(changes []Change) error {
	err := cmp.Or(p.held(), p.check(changes))
	if err == nil || errors.Is(err, ErrMoved) {
		return err
	}
	return notWritten(err)
}

// check refuses a plan that is out of date, and paths where nothing can be put.
func (p *Project) check(changes []Change) error {
	in := &nearby{folder: p.folder}
	defer in.leave()
	for _, c := range changes {
		for _, path := range []string{c.Path, cmp.Or(c.Like, c.Path)} {
			if err := tree.CheckPath(path); err != nil {
				return err
			}
		}
		now, err := in.ReadFile(c.Path)
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
