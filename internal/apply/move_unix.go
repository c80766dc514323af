//go:build unix

package apply

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// move walks to neither folder: both are open. os.Root has no such call, and walks from the top to both for each file.
func move(from *disk, name string, to *disk, as string) error {
	source, err := from.descriptor()
	if err != nil {
		return err
	}
	target, err := to.descriptor()
	if err != nil {
		return err
	}
	err = unix.Renameat(source, name, target, as)
	for errors.Is(err, unix.EINTR) {
		err = unix.Renameat(source, name, target, as)
	}
	if err != nil {
		return &os.LinkError{Op: "renameat", Old: path.Join(from.at, name), New: path.Join(to.at, as), Err: err}
	}
	return nil
}

// descriptor is valid until the folder is closed.
func (d *disk) descriptor() (int, error) {
	if d.self == nil {
		self, err := d.Open(".")
		if err != nil {
			return 0, err
		}
		d.self = self
	}
	return int(d.self.Fd()), nil
}
