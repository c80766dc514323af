package apply

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// syncGroup is for syncs. Each waits for the disk, and one commit of the file system serves many.
func syncGroup() *errgroup.Group {
	g := &errgroup.Group{}
	g.SetLimit(min(32*runtime.GOMAXPROCS(0), 256)) // each is a thread and an open file
	return g
}

// syncFolders makes last what steps did to names: those of files, and those of folders on the way that were made or
// became empty.
func syncFolders(in folder, steps []step) error {
	g := syncGroup()
	seen := map[string]bool{}
	for _, s := range steps {
		if s.spare() {
			continue
		}
		for dir := path.Dir(s.Path); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			g.Go(func() error { return syncFolder(in, dir) })
		}
	}
	return g.Wait()
}

// syncFolder does what the system and the file system can do: Windows keeps names by itself, some file systems have
// nothing to sync, and a folder that may not be read can't be opened for it.
func syncFolder(in folder, dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := in.OpenFile(dir, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
