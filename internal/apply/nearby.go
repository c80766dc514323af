package apply

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// nearby is a folder that is looked at, file by file: the folders on the way to one stay open for those that follow it there.
type nearby struct {
	folder
	way []place // each in the one before it
}

// place is a folder below.
type place struct {
	dir  string
	open folder
	err  error // why it is not open
}

func (n *nearby) Lstat(name string) (fs.FileInfo, error) { return from(n, name, folder.Lstat) }

func (n *nearby) Stat(name string) (fs.FileInfo, error) { return from(n, name, folder.Stat) }

func (n *nearby) ReadFile(name string) ([]byte, error) { return from(n, name, folder.ReadFile) }

// from does what is asked from the folder that the file is in. When that fails it is done from the top, where a link may
// lead to other folders, and which says of the whole path what is wrong.
func from[T any](n *nearby, name string, do func(in folder, name string) (T, error)) (T, error) {
	at := n.enter(path.Dir(name))
	if errors.Is(at.err, fs.ErrNotExist) {
		var none T
		return none, at.err
	}
	if at.err == nil {
		found, err := do(at.open, path.Base(name))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
	}
	return do(n.folder, name)
}

// enter goes to a folder from the nearest that is open on the way, and lets go of those that are not.
func (n *nearby) enter(dir string) place {
	if dir == "." {
		return place{dir: dir, open: n.folder}
	}
	last := len(n.way) - 1
	for ; last >= 0 && !within(dir, n.way[last].dir); last-- {
		n.leaveLast()
	}
	if last >= 0 && n.way[last].dir == dir {
		return n.way[last]
	}
	at := place{dir: dir}
	in := n.enter(path.Dir(dir))
	if at.err = in.err; at.err == nil {
		at.open, at.err = in.open.OpenFolder(path.Base(dir))
	}
	n.way = append(n.way, at)
	return at
}

func within(dir, of string) bool { return dir == of || strings.HasPrefix(dir, of+"/") }

func (n *nearby) leaveLast() {
	last := len(n.way) - 1
	if n.way[last].err == nil {
		_ = n.way[last].open.Close() // it was read only
	}
	n.way = n.way[:last]
}

// leave lets go of all folders below; n itself stays open.
func (n *nearby) leave() {
	for len(n.way) > 0 {
		n.leaveLast()
	}
}
