package apply

import (
	"io/fs"
	"os"
)

// Reader reads a project's files. It keeps folders open between one file and the next, so it is for many of them, in the
// order of their paths, while nobody writes; and for one at a time. Names are slash-separated, relative to the root, and
// errors those of os.Root.
type Reader struct{ in nearby }

// NewReader returns a reader of what is below root, which stays the caller's to close.
func NewReader(root *os.Root) *Reader { return &Reader{nearby{folder: newDisk(root)}} }

// Lstat describes a file, or the link that it is.
func (r *Reader) Lstat(name string) (fs.FileInfo, error) { return r.in.Lstat(name) }

// Stat describes a file.
func (r *Reader) Stat(name string) (fs.FileInfo, error) { return r.in.Stat(name) }

// ReadFile returns the content of a file.
func (r *Reader) ReadFile(name string) ([]byte, error) { return r.in.ReadFile(name) }

// Close lets go of the folders that are open.
func (r *Reader) Close() { r.in.leave() }
