//go:build !unix

package apply

import "path"

func move(from *disk, name string, to *disk, as string) error {
	return from.top.Rename(path.Join(from.at, name), path.Join(to.at, as))
}
