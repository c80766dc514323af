package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// world is a project before a run, and what the run does.
type world struct {
	old     map[string]entry
	changes []Change
	new     map[string]entry
}

// entry is a file, an empty folder, or a link.
type entry struct {
	mode    fs.FileMode
	content string // of a link, where it leads
}

func (e entry) String() string { return fmt.Sprintf("%v %q", e.mode, e.content) }

// rich has each thing that a run does: it creates files in new folders and in an empty one, replaces files of several
// modes, empties folders, goes through a linked one, renames by case alone, and records all that, the lock last.
func rich() world {
	w := world{old: map[string]entry{}, new: map[string]entry{}}
	for name, content := range map[string]string{
		"same": "1", "mine/notes": "mine", ".svc-probe": "mine, too", "config": "1", "gone/kept": "1", "real/kept": "1",
	} {
		w.old[name] = entry{0o644, content}
	}
	w.old["idle"] = entry{fs.ModeDir | 0o755, ""}
	w.old["linked"] = entry{fs.ModeSymlink, "real"}
	w.delete("gone/with/its/folder", "1")
	w.delete("gone/x", "1")
	w.delete("linked/x", "1")
	w.delete("Shop/handler", "moved as it is")
	w.replace("config", 0o644)
	w.replace("run.sh", 0o777)
	w.replace("secret", 0o600)
	w.replace("readonly", 0o444)
	w.replace("linked/y", 0o644)
	w.create("shop/handler", "moved as it is")
	w.create("new/deep/a", "2")
	w.create("new/deep/b", strings.Repeat("2", 1<<16))
	w.create("new/empty", "")
	w.create("idle/deep/a", "2")
	w.delete(".svc/base/gone/x", "1")
	w.replace(".svc/base/config", 0o644)
	w.create(".svc/base/new/deep/a", "2")
	w.replace(".svc/lock.json", 0o644)
	return w
}

// few is a world for what takes long to try.
func few() world {
	w := world{old: map[string]entry{"mine/notes": {0o644, "mine"}}, new: map[string]entry{}}
	w.delete("gone/x", "1")
	w.replace("run.sh", 0o777)
	w.create("new/a", "2")
	w.replace(".svc/lock.json", 0o644)
	return w
}

func (w *world) delete(path, content string) {
	w.changes = append(w.changes, Change{Path: path, Expect: []byte(content)})
	w.old[real(path)] = entry{0o644, content}
}

func (w *world) replace(path string, mode fs.FileMode) {
	w.changes = append(w.changes, Change{Path: path, Content: []byte("2 of " + path), Expect: []byte("1 of " + path)})
	w.old[real(path)] = entry{mode, "1 of " + path}
	w.new[real(path)] = entry{mode, "2 of " + path}
}

func (w *world) create(path, content string) {
	w.changes = append(w.changes, Change{Path: path, Content: []byte(content)})
	w.new[path] = entry{0o644, content}
}

// real is where a path leads.
func real(path string) string { return strings.Replace(path, "linked/", "real/", 1) }

// place puts the project as it was into a new folder below base.
func (w *world) place(t testing.TB, base string) string {
	t.Helper()
	dir, err := os.MkdirTemp(base, "")
	if err != nil {
		t.Fatal(err)
	}
	for path, e := range w.old {
		name := filepath.Join(dir, filepath.FromSlash(path))
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		switch {
		case e.mode.IsDir():
			err = errors.Join(err, os.Mkdir(name, e.mode.Perm()))
		case e.mode&fs.ModeSymlink != 0:
			err = errors.Join(err, os.Symlink(e.content, name))
		default:
			err = errors.Join(err, os.WriteFile(name, []byte(e.content), 0o600), os.Chmod(name, e.mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// look reads a project. Of the cache it has only what a run should not leave there.
func look(t testing.TB, dir string) map[string]entry {
	t.Helper()
	found := map[string]entry{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		path := filepath.ToSlash(rel)
		if err != nil || path == "." || path == mutex {
			return err
		}
		e, keep, err := read1(name, d)
		if path == ignore && e.content == ignoreAll {
			return err
		}
		if keep {
			found[path] = e
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// read1 reads one entry, and says whether it counts: a folder does when it is empty.
func read1(name string, d fs.DirEntry) (e entry, keep bool, err error) {
	info, err := d.Info()
	if err != nil {
		return e, false, err
	}
	e.mode = info.Mode()
	switch {
	case d.IsDir():
		entries, err := os.ReadDir(name)
		return e, len(entries) == 0, err
	case e.mode&fs.ModeSymlink != 0:
		e.mode = fs.ModeSymlink
		e.content, err = os.Readlink(name)
	default:
		var content []byte
		content, err = os.ReadFile(name)
		e.content = string(content)
	}
	return e, true, err
}

// after is the project after the run.
func (w *world) after() map[string]entry {
	want := maps.Clone(w.new)
	for path, e := range w.old {
		changed := slices.ContainsFunc(w.changes, func(c Change) bool { return real(c.Path) == path })
		if _, ok := want[path]; !ok && !changed && !w.filled(path) {
			want[path] = e
		}
	}
	return want
}

// filled reports whether a folder is empty no more.
func (w *world) filled(dir string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(w.new)), func(path string) bool { return strings.HasPrefix(path, dir+"/") })
}

// differ lists what differs.
func differ(got, want map[string]entry) string {
	var b strings.Builder
	for path, e := range want {
		if g, ok := got[path]; !ok {
			fmt.Fprintf(&b, "%s is missing; ", path)
		} else if g != e {
			fmt.Fprintf(&b, "%s is %.60s, not %.60s; ", path, g, e)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			fmt.Fprintf(&b, "%s is too much; ", path)
		}
	}
	return b.String()
}
