// Package watch tells when files of a project change.
package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long nothing must happen before a change is told: an editor and a checkout write in bursts.
const quiet = 100 * time.Millisecond

// Set is what to watch.
type Set struct {
	Files []string // they may come and go, with their folders
	Trees []string // folders, with all that is below them
	Ext   string   // of the files that matter in Trees, e.g. ".proto"
}

// Changes calls changed once, and then whenever a file of the set has changed and things have been quiet since.
// set is asked again after each call, since a change may change what there is to watch. It returns when ctx ends.
func Changes(ctx context.Context, set func() Set, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		now := set()
		if err := now.addTo(w); err != nil {
			return err
		}
		changed()
		if err := now.next(ctx, w); err != nil {
			return err
		}
	}
}

// addTo watches the folders of a set. What is watched already, and still there, is watched once.
func (s Set) addTo(w *fsnotify.Watcher) error {
	for _, f := range s.Files {
		if err := addNearest(w, filepath.Dir(f)); err != nil {
			return err
		}
	}
	for _, tree := range s.Trees {
		if err := addTree(w, tree); err != nil {
			return err
		}
	}
	return nil
}

// addNearest watches a folder, or the nearest above it that there is: it may be made.
func addNearest(w *fsnotify.Watcher, dir string) error {
	err := w.Add(dir)
	for errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		err = w.Add(dir)
	}
	return err
}

func addTree(w *fsnotify.Watcher, tree string) error {
	err := filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return ignoreNotExist(err)
		}
		if name := e.Name(); path != tree && name[0] == '.' {
			return fs.SkipDir // .git, .svc: nobody's contract
		}
		return ignoreNotExist(w.Add(path))
	})
	return ignoreNotExist(err)
}

// ignoreNotExist passes over what went while it was looked at: the event of that is on its way.
func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// next waits for a change, and for things to be quiet after it.
func (s Set) next(ctx context.Context, w *fsnotify.Watcher) error {
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-w.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				settled = time.After(quiet) // something changed, whatever it was
				continue
			}
			return err
		case e := <-w.Events:
			if s.matters(e) {
				settled = time.After(quiet)
			}
		case <-settled:
			return nil
		}
	}
}

// matters reports whether an event is of a file of the set, or of a folder, which may bring some.
func (s Set) matters(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	name := filepath.Clean(e.Name)
	for _, f := range s.Files {
		if name == filepath.Clean(f) {
			return true
		}
	}
	if filepath.Ext(name) == s.Ext {
		return true
	}
	info, err := os.Stat(name)
	return e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) || err == nil && info.IsDir()
}
