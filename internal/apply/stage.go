package apply

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"

	"github.com/svcgen/svc/internal/tree"
)

const (
	draft     = stageDir + "/journal"
	madeList  = stageDir + "/made"
	probeName = ".svc-probe"
)

// begin does what can fail before anything moves: contents and journal are staged, and the folders made that files move to.
func (p *Project) begin(changes []Change) error {
	if err := undo(p.folder); err != nil {
		return notWritten(err)
	}
	if err := p.folder.MkdirAll(stageDir, 0o755); err != nil {
		return notWritten(err)
	}
	if err := p.prepare(changes); err != nil {
		return notWritten(err)
	}
	if err := p.stage(changes); err != nil {
		return notWritten(err)
	}
	return p.current(changes) // staging waits for the disk, and others have time to write
}

// prepare makes the folders that files move to, and sees that each takes files: after the commit nothing may fail.
// What it will make stands on a list first, for undo. A power cut may lose the list, and leave an empty folder.
func (p *Project) prepare(changes []Change) error {
	missing, probes, err := p.places(changes)
	if err != nil {
		return err
	}
	list, err := json.Marshal(slices.Concat(missing, probes))
	if err != nil {
		return err
	}
	if err := p.folder.WriteFile(madeList, list, 0o644); err != nil {
		return err
	}
	if err := makeFolders(p.folder, missing); err != nil {
		return err
	}
	for _, name := range probes {
		if err := p.probe(name); err != nil {
			return fmt.Errorf("%s can't be written to: %w", path.Dir(name), err)
		}
	}
	return nil
}

// makeFolders makes folders, of which each comes after the one that it is in.
func makeFolders(top folder, dirs []string) error {
	in := &nearby{folder: top}
	defer in.leave()
	for _, dir := range dirs {
		at := in.enter(path.Dir(dir))
		if at.err == nil {
			at.err = at.open.MkdirAll(path.Base(dir), 0o755)
		}
		if at.err == nil {
			continue
		}
		if err := top.MkdirAll(dir, 0o755); err != nil { // a link is on the way, or it says of the whole path what is wrong
			return err
		}
	}
	return nil
}

// places lists the folders that are to be made, each after the one that it is in, and a probe for each that is there.
func (p *Project) places(changes []Change) (missing, probes []string, err error) {
	in := &nearby{folder: p.folder}
	defer in.leave()
	seen := map[string]bool{}
	for _, c := range changes {
		var fresh []string
		for dir := path.Dir(c.Path); !seen[dir]; dir = path.Dir(dir) {
			_, err := in.Stat(dir)
			if err == nil {
				seen[dir] = true
				probes = append(probes, path.Join(dir, probeName))
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, nil, err
			}
			if c.Content == nil {
				break // what is to be deleted is gone with its folder; another change may bring that back
			}
			seen[dir] = true
			fresh = append(fresh, dir)
		}
		slices.Reverse(fresh)
		missing = append(missing, fresh...)
	}
	return missing, probes, nil
}

// probe makes and removes a file in a folder that was there before. One that svc made takes files.
func (p *Project) probe(name string) error {
	f, err := p.folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // not ours to remove; the folder has taken that
	}
	if err != nil {
		return err
	}
	return cmp.Or(f.Close(), p.folder.Remove(name))
}

// undo takes back all that a run did before its commit.
func undo(in folder) error {
	content, err := in.ReadFile(madeList)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var list []string
	if json.Unmarshal(content, &list) != nil {
		list = nil // killed while it wrote the list, the run had made nothing
	}
	for _, name := range slices.Backward(list) {
		if err := unmake(in, name); err != nil {
			return err
		}
	}
	return in.RemoveAll(stageDir)
}

func safe(name string) bool { return tree.CheckPath(name) == nil }

// ignoreGone passes over what is not there, or can't be there.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || unreachable(err) {
		return nil
	}
	return err
}

// unmake removes a folder or a probe if it is empty. Its name may come from somebody else's list.
func unmake(in folder, name string) error {
	if !safe(name) {
		return nil
	}
	info, err := in.Lstat(name)
	if err != nil {
		return ignoreGone(err)
	}
	if !info.IsDir() && (path.Base(name) != probeName || !info.Mode().IsRegular() || info.Size() > 0) {
		return nil
	}
	if err := in.Remove(name); !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// stage puts the new contents, and the journal, on disk beside the project.
func (p *Project) stage(changes []Change) error {
	stage, err := p.folder.OpenFolder(stageDir) // the way there is walked once, not for each file
	if err != nil {
		return err
	}
	defer stage.Close()
	steps := make([]step, len(changes))
	g := syncGroup()
	for i, c := range changes {
		steps[i] = newStep(i, c)
		if c.Content != nil {
			g.Go(func() error { return p.stageOne(stage, steps[i], c) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	content, err := json.Marshal(steps)
	if err != nil {
		return err
	}
	g = syncGroup()
	g.Go(func() error { return writeSynced(stage, path.Base(draft), content, nil) })
	g.Go(func() error { return syncFolders(p.folder, []step{{Path: stageDir + "/0"}}) })
	return g.Wait()
}

// newStep is what the journal says of a change. A file that is to be as it is, but for the case of its name, has no old
// content that it could be told from.
func newStep(i int, c Change) step {
	s := step{Path: c.Path}
	if c.Content != nil {
		s.Stage = path.Join(stageDir, strconv.Itoa(i))
	}
	if c.Expect != nil && (c.Content == nil || !bytes.Equal(c.Content, c.Expect)) {
		s.Old = tree.Sum(c.Expect)
	}
	return s
}

// stageOne stages a file with the mode of the one that it replaces, or that it was before, if any.
func (p *Project) stageOne(stage folder, s step, c Change) error {
	name := path.Base(s.Stage)
	if s.spare() {
		return stage.WriteFile(name, c.Content, 0o644)
	}
	like := c.Like
	if c.Expect != nil {
		like = c.Path
	}
	if like == "" {
		return writeSynced(stage, name, c.Content, nil)
	}
	old, err := p.folder.Stat(like)
	if err != nil {
		return err
	}
	return writeSynced(stage, name, c.Content, old)
}

// writeSynced writes a new file, with the mode of an old one, if any.
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
	if err == nil && old != nil {
		err = keepMode(f, old.Mode())
	}
	if err == nil {
		err = f.Sync()
	}
	return cmp.Or(err, f.Close())
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
func commit(in folder) error {
	if err := in.Rename(draft, journal); err != nil {
		return err
	}
	return syncFolder(in, CacheDir)
}

// withdraw takes a commit back that has failed. It reports whether it could: while a journal may be there, what it names
// has to stay.
func withdraw(in folder) bool {
	_ = in.Remove(journal) // what counts is whether it is there
	_, err := in.Lstat(journal)
	return errors.Is(err, fs.ErrNotExist)
}
