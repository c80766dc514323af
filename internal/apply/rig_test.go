package apply

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
)

// verdict is what becomes of one operation.
type verdict int

const (
	works verdict = iota
	fails         // it does nothing, a write half of it, and says so
	lies          // it is done, and said to have failed: the answer of a file server was lost
	dies          // svc is killed before it, or in the middle of a write: nothing that follows has an effect
)

var errKilled = errors.New("killed")

// rig counts the operations on a project's folder, one at a time, and decides what becomes of each. Those that the
// system does in several calls, it does in several, too: a kill comes in between.
type rig struct {
	mu    sync.Mutex
	log   []string
	dead  bool
	fold  bool                                 // case is ignored, as on macOS and Windows
	errno error                                // why operations fail
	judge func(n int, op, name string) verdict // n counts from 1; nil lets all work
}

func (r *rig) folder(t testing.TB, dir string) folder {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rigged{root, root, r, ""}
}

// do does one operation, or not. Part is what a write that fails has done of it; nil is nothing.
func (r *rig) do(op, name string, whole, part func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return errKilled
	}
	r.log = append(r.log, op+" "+name)
	v := works
	if r.judge != nil {
		v = r.judge(len(r.log), op, name)
	}
	if (v == fails || v == dies) && part != nil {
		if err := part(); err != nil {
			return err
		}
	}
	r.dead = v == dies
	switch v {
	case dies:
		return errKilled
	case works:
		return whole()
	case lies:
		_ = whole()
	}
	return &fs.PathError{Op: op, Path: name, Err: r.errno}
}

// name is what a file is called on the disk.
func (d rigged) name(name string) string {
	if d.rig.fold {
		return strings.ToLower(name)
	}
	return name
}

type rigged struct {
	root *os.Root
	top  *os.Root // the project
	rig  *rig
	dir  string // of root, in the project
}

func (d rigged) do(op, name string, f func() error) error {
	return d.rig.do(op, path.Join(d.dir, name), f, nil)
}

func (d rigged) Lstat(name string) (info fs.FileInfo, err error) {
	err = d.do("lstat", name, func() error { info, err = d.root.Lstat(d.name(name)); return err })
	return info, err
}

func (d rigged) Stat(name string) (info fs.FileInfo, err error) {
	err = d.do("stat", name, func() error { info, err = d.root.Stat(d.name(name)); return err })
	return info, err
}

func (d rigged) ReadFile(name string) (content []byte, err error) {
	err = d.do("read", name, func() error { content, err = d.root.ReadFile(d.name(name)); return err })
	return content, err
}

func (d rigged) WriteFile(name string, content []byte, perm fs.FileMode) error {
	f, err := d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func (d rigged) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	var f *os.File
	err := d.do("open", name, func() (err error) { f, err = d.root.OpenFile(d.name(name), flag, perm); return err })
	if err != nil {
		if f != nil {
			_ = f.Close()
		}
		return nil, err
	}
	return riggedFile{f, d.rig, path.Join(d.dir, name)}, nil
}

func (d rigged) OpenFolder(name string) (folder, error) {
	var root *os.Root
	err := d.do("open", name, func() (err error) { root, err = d.root.OpenRoot(d.name(name)); return err })
	if err != nil {
		if root != nil {
			_ = root.Close()
		}
		return nil, err
	}
	return rigged{root, d.top, d.rig, path.Join(d.dir, name)}, nil
}

func (d rigged) MkdirAll(name string, perm fs.FileMode) error {
	if info, err := d.root.Stat(d.name(name)); err == nil && info.IsDir() {
		return nil
	}
	if dir := path.Dir(name); dir != "." {
		if err := d.MkdirAll(dir, perm); err != nil {
			return err
		}
	}
	return d.do("mkdir", name, func() error {
		err := d.root.Mkdir(d.name(name), perm)
		if info, failed := d.root.Stat(d.name(name)); errors.Is(err, fs.ErrExist) && failed == nil && info.IsDir() {
			return nil // somebody else has just made it
		}
		return err
	})
}

func (d rigged) Rename(from, to string) error {
	return d.do("rename", from+" "+to, func() error { return d.root.Rename(d.name(from), d.name(to)) })
}

func (d rigged) Move(name string, to folder, as string) error {
	target := path.Join(to.(rigged).dir, as)
	return d.do("rename", name+" "+target, func() error { return d.top.Rename(d.name(path.Join(d.dir, name)), d.name(target)) })
}

func (d rigged) Remove(name string) error {
	return d.do("remove", name, func() error { return d.root.Remove(d.name(name)) })
}

func (d rigged) RemoveAll(name string) error {
	entries, _ := fs.ReadDir(d.root.FS(), d.name(name)) // none when it is a file, or not there
	for _, e := range entries {
		if err := d.RemoveAll(path.Join(name, e.Name())); err != nil {
			return err
		}
	}
	return d.do("remove", name, func() error { return d.root.RemoveAll(d.name(name)) })
}

func (d rigged) Close() error { return d.root.Close() }

type riggedFile struct {
	file *os.File
	rig  *rig
	name string
}

func (f riggedFile) Write(content []byte) (n int, err error) {
	write := func(content []byte) func() error {
		return func() error { n, err = f.file.Write(content); return err }
	}
	err = f.rig.do("write", f.name, write(content), write(content[:len(content)/2]))
	return n, err
}

func (f riggedFile) Stat() (info fs.FileInfo, err error) {
	err = f.rig.do("fstat", f.name, func() error { info, err = f.file.Stat(); return err }, nil)
	return info, err
}

func (f riggedFile) Chmod(mode fs.FileMode) error {
	return f.rig.do("chmod", f.name, func() error { return f.file.Chmod(mode) }, nil)
}

// Sync is not tried out: what these tests see is not on the disk in any case, and there are many of them.
func (f riggedFile) Sync() error {
	return f.rig.do("sync", f.name, func() error { return nil }, nil)
}

// Close closes even what is killed.
func (f riggedFile) Close() error {
	closed := f.file.Close()
	return f.rig.do("close", f.name, func() error { return closed }, nil)
}

// at makes one operation end otherwise than well.
func at(n int, v verdict) func(int, string, string) verdict {
	return func(i int, _, _ string) verdict {
		if i == n {
			return v
		}
		return works
	}
}

func (v verdict) String() string {
	return [...]string{"works", "fails", "lies", "dies"}[v]
}
