package apply

import (
	"errors"
	"io/fs"
	"path"
)

// nearby is a folder that is looked at, file by file: it walks to where a file is once for all that follow each other there.
type nearby struct {
	folder
	at   string
	open folder // the folder at; nil where that can't be opened
	err  error  // why
}

func (n *nearby) Lstat(name string) (fs.FileInfo, error) { return from(n, name, folder.Lstat) }

func (n *nearby) Stat(name string) (fs.FileInfo, error) { return from(n, name, folder.Stat) }

func (n *nearby) ReadFile(name string) ([]byte, error) { return from(n, name, folder.ReadFile) }

// from does what is asked from the folder that the file is in. When that fails it is done from the top, where a link may
// lead to other folders, and which says of the whole path what is wrong.
func from[T any](n *nearby, name string, do func(in folder, name string) (T, error)) (T, error) {
	if dir := path.Dir(name); dir != n.at {
		n.leave()
		n.at = dir
		n.open, n.err = n.OpenFolder(dir)
	}
	if errors.Is(n.err, fs.ErrNotExist) {
		var none T
		return none, n.err
	}
	if n.err == nil {
		found, err := do(n.open, path.Base(name))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
	}
	return do(n.folder, name)
}

// leave lets go of the folder that was looked at last; n itself stays open.
func (n *nearby) leave() {
	if n.open != nil {
		_ = n.open.Close() // it was read only
	}
	n.at, n.open, n.err = "", nil, nil
}
