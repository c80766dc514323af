package apply

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// folder is all that apply asks of a project's folder: of *os.Root, which follows no link out of it. Tests stand in for
// it to fail, or to be killed, at each operation.
type folder interface {
	Lstat(name string) (fs.FileInfo, error)
	Stat(name string) (fs.FileInfo, error)
	ReadFile(name string) ([]byte, error)
	WriteFile(name string, content []byte, perm fs.FileMode) error
	OpenFile(name string, flag int, perm fs.FileMode) (file, error)
	OpenFolder(name string) (folder, error)
	MkdirAll(name string, perm fs.FileMode) error
	Rename(from, to string) error
	// Move is Rename into another folder of the project. Neither name has a folder in it.
	Move(name string, to folder, as string) error
	Remove(name string) error
	RemoveAll(name string) error
	Close() error
}

// file is what is asked of *os.File.
type file interface {
	Write(content []byte) (int, error)
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}

// disk is a folder that is there.
type disk struct {
	*os.Root
	top  *os.Root // the project
	at   string   // of this one in it
	self *os.File // this one, once files are moved between it and others; nil before
}

// newDisk is a project that is there.
func newDisk(top *os.Root) *disk { return &disk{Root: top, top: top, at: "."} }

func (d *disk) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	f, err := d.Root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *disk) OpenFolder(name string) (folder, error) {
	root, err := d.OpenRoot(name + "/") // a folder: it would wait for ever for who writes to a pipe
	if err != nil {
		return nil, err
	}
	return &disk{Root: root, top: d.top, at: path.Join(d.at, name)}, nil
}

func (d *disk) Move(name string, to folder, as string) error {
	target, ok := to.(*disk)
	if !ok {
		return errors.ErrUnsupported
	}
	return move(d, name, target, as)
}

func (d *disk) Close() error {
	if d.self != nil {
		_ = d.self.Close() // it was read only
	}
	return d.Root.Close()
}
