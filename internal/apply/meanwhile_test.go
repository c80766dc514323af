package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// edit is what the user does at the path of a file that a run changes.
type edit struct {
	name string
	do   func(name, old string) error
	read func(name string) (string, error) // what has to be mine afterwards; nil where svc may go on
}

func edits() []edit {
	read := func(name string) (string, error) {
		content, err := os.ReadFile(name)
		return string(content), err
	}
	// clear makes room for another kind of thing, and for the folder that it is in.
	clear := func(name string) error {
		return errors.Join(os.RemoveAll(name), os.MkdirAll(filepath.Dir(name), 0o755))
	}
	return []edit{
		{"write", func(name, _ string) error { return errors.Join(clear(name), os.WriteFile(name, []byte("mine"), 0o644)) }, read},
		{"make a folder", func(name, _ string) error {
			return errors.Join(clear(name), os.Mkdir(name, 0o755), os.WriteFile(filepath.Join(name, "x"), []byte("mine"), 0o644))
		}, func(name string) (string, error) { return read(filepath.Join(name, "x")) }},
		{"link", func(name, _ string) error { return errors.Join(clear(name), os.Symlink("mine", name)) }, os.Readlink},
		{"put a file in place of the folder", func(name, _ string) error {
			dir := filepath.Dir(name)
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, []byte("mine"), 0o644))
		}, func(name string) (string, error) { return read(filepath.Dir(name)) }},
		{"restore", func(name, old string) error {
			if old == "" {
				return os.RemoveAll(name)
			}
			return errors.Join(clear(name), os.WriteFile(name, []byte(old), 0o644))
		}, nil},
	}
}

// TestWrittenBetween kills a run at each operation, does something to one of its files, and checks that the next run leaves
// that file alone, says so, and finishes the rest.
func TestWrittenBetween(t *testing.T) {
	w, base := few(), memory(t)
	operations := len(w.operations(t))
	tried := 0
	for n := 1; n <= operations; n++ {
		for i, c := range w.changes {
			for j, e := range edits() {
				if !exhaustive() && (n+i+j)%3 != 0 {
					continue
				}
				if e.name == "put a file in place of the folder" && !strings.HasPrefix(c.Path, "gone/") && !strings.HasPrefix(c.Path, "new/") {
					continue // others are in it, or svc is
				}
				tried++
				w.between(t, base, n, c, e)
			}
		}
	}
	t.Logf("%d operations, %d edits", operations, tried)
}

func (w *world) between(t *testing.T, base string, n int, c Change, e edit) {
	t.Helper()
	dir := w.place(t, base)
	defer os.RemoveAll(dir)
	r := &rig{judge: at(n, dies)}
	_ = w.run(dir, r.folder(t, dir))
	found := exists(dir, journal)
	committed := found || look(t, dir)[".svc/lock.json"] == w.new[".svc/lock.json"]
	name := filepath.Join(dir, filepath.FromSlash(c.Path))
	if err := e.do(name, w.old[c.Path].content); err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("killed at %d, %q, then %s %s", n, r.log[n-1], e.name, c.Path)
	p, err := hold(context.Background(), dir, (&rig{}).folder(t, dir))
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	defer p.Close()
	if e.read != nil {
		if got, err := e.read(name); err != nil || got != "mine" {
			t.Errorf("%s: there is %q, %v", at, got, err)
		}
	}
	if p.Recovered != found || !found && len(p.Kept) > 0 {
		t.Errorf("%s: recovered: %t, kept %q", at, p.Recovered, p.Kept)
	}
	w.othersDone(t, dir, at, c, committed, slices.Contains(p.Kept, c.Path))
}

// othersDone checks the files that the user has not touched: all as they were before the commit, all done after it. Only svc's
// record is to be as it was when a file was kept.
func (w *world) othersDone(t *testing.T, dir, at string, c Change, committed, kept bool) {
	t.Helper()
	want := w.old
	if committed {
		want = w.after()
	}
	want = maps.Clone(want)
	if record := ".svc/lock.json"; kept && c.Path != record {
		want[record] = w.old[record]
	}
	got := look(t, dir)
	mine := func(path string, _ entry) bool {
		return path == c.Path || strings.HasPrefix(path, c.Path+"/") || strings.HasPrefix(c.Path, path+"/")
	}
	maps.DeleteFunc(want, mine)
	maps.DeleteFunc(got, mine)
	if d := differ(got, want); d != "" {
		t.Errorf("%s, kept: %t: %s", at, kept, d)
	}
}

// TestRecordWaits checks that the record is not replaced when a file was kept that it would call up to date, and that it is
// when all had been done before.
func TestRecordWaits(t *testing.T) {
	tests := map[string]struct {
		kill string // the operation at which the run is killed
		edit map[string]string
		kept string
		lock string
	}{
		"not yet done":    {"rename .svc/cache/stage/1 run.sh", map[string]string{"run.sh": "mine"}, "run.sh", "1 of .svc/lock.json"},
		"done":            {"rename .svc/cache/stage/2 new/a", map[string]string{"run.sh": "mine"}, "", "2 of .svc/lock.json"},
		"done, restored":  {"rename .svc/cache/stage/2 new/a", map[string]string{"run.sh": "1 of run.sh"}, "run.sh", "1 of .svc/lock.json"},
		"made again":      {"rename .svc/cache/stage/2 new/a", map[string]string{"gone/x": "mine"}, "gone/x", "1 of .svc/lock.json"},
		"all is done":     {"remove .svc/cache/journal.json", map[string]string{"run.sh": "mine"}, "", "2 of .svc/lock.json"},
		"all is restored": {"remove .svc/cache/journal.json", map[string]string{"run.sh": "1 of run.sh"}, "", "2 of .svc/lock.json"},
		"a commit is restored": {
			"rename .svc/cache/stage/4 .svc/lock.json",
			map[string]string{"run.sh": "1 of run.sh", ".svc/base/run.sh": "1 of .svc/base/run.sh"},
			"run.sh .svc/base/run.sh", "1 of .svc/lock.json",
		},
		"another record": {"rename .svc/cache/stage/2 new/a", map[string]string{".svc/lock.json": "pulled"}, ".svc/lock.json", "pulled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := few()
			w.replace(".svc/base/run.sh", 0o644)
			slices.Reverse(w.changes[len(w.changes)-2:]) // the lock is last
			dir := w.place(t, memory(t))
			r := &rig{judge: func(_ int, op, name string) verdict {
				if op+" "+name == tt.kill {
					return dies
				}
				return works
			}}
			if err := w.run(dir, r.folder(t, dir)); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			for path, content := range tt.edit {
				name := filepath.Join(dir, filepath.FromSlash(path))
				if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			p := open(t, dir)
			found := look(t, dir)
			if kept := strings.Join(p.Kept, " "); kept != tt.kept || found[".svc/lock.json"].content != tt.lock {
				t.Errorf("kept %q, and the lock is %q", kept, found[".svc/lock.json"].content)
			}
			for path, content := range tt.edit {
				if found[path].content != content {
					t.Errorf("%s is %q", path, found[path].content)
				}
			}
		})
	}
}

// TestWrittenDuring lets the user write while a run goes on, before each of its operations. What is written before the last
// look at the file stops the run, or is kept; from then to the renaming there is no way to see it.
func TestWrittenDuring(t *testing.T) {
	w, base := few(), memory(t)
	operations := w.operations(t)
	for n := 1; n <= len(operations); n++ {
		for _, c := range w.changes {
			w.during(t, base, n, c, operations)
		}
	}
}

func (w *world) during(t *testing.T, base string, n int, c Change, operations []string) {
	t.Helper()
	dir := w.place(t, base)
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, filepath.FromSlash(c.Path))
	r := &rig{judge: func(i int, _, _ string) verdict {
		if i == n {
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("mine"), 0o644)); err != nil {
				t.Error(err)
			}
		}
		return works
	}}
	err := w.run(dir, r.folder(t, dir))
	got, _ := os.ReadFile(name)
	at := fmt.Sprintf("%s written before %d, %q: it is %q, and the run said %v", c.Path, n, operations[n-1], got, err)
	commit := slices.Index(operations, "rename "+draft+" "+journal)
	look := func(op string) bool { return op == "read "+c.Path }
	checked, surveyed := lastIndex(operations[:commit], look), lastIndex(operations, look)
	moved := lastIndex(operations, func(op string) bool {
		return op == "remove "+c.Path || strings.HasPrefix(op, "rename ") && strings.HasSuffix(op, " "+c.Path)
	})
	seen, late := n-1 <= surveyed, n-1 > moved
	switch {
	case !seen && !late:
		return // nobody has looked, and the file is replaced
	case string(got) != "mine":
		t.Errorf("%s: it is lost", at)
	case seen != errors.Is(err, ErrMoved) || late && err != nil:
		t.Error(at)
	}
	w.othersDone(t, dir, at, c, n-1 > checked, seen)
}

func lastIndex(log []string, is func(op string) bool) int {
	for i, op := range slices.Backward(log) {
		if is(op) {
			return i
		}
	}
	return -1
}

// TestCaseIgnored kills a run that renames by case alone, where case is ignored, at each operation. The name that is
// deleted is that of the new file, too.
func TestCaseIgnored(t *testing.T) {
	for _, content := range []string{"1", "2"} {
		w := world{old: map[string]entry{}, new: map[string]entry{}}
		w.delete("shop/handler", "1")
		w.new["shop/handler"] = entry{0o644, content}
		w.changes[0].Path = "Shop/handler"
		w.changes = append(w.changes, Change{Path: "shop/handler", Content: []byte(content), Expect: []byte("1")})
		w.replace(".svc/lock.json", 0o644)
		base := memory(t)
		for n, dead := 1, true; dead; n++ {
			dir := w.place(t, base)
			r := &rig{judge: at(n, dies), fold: true}
			_ = w.run(dir, r.folder(t, dir))
			dead = r.dead
			p, err := hold(context.Background(), dir, (&rig{fold: true}).folder(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			found := look(t, dir)
			if got := differ(found, w.old); len(p.Kept) > 0 || got != "" && differ(found, w.new) != "" {
				t.Errorf("killed at %d, %q: kept %q; %s", n, r.log[len(r.log)-1], p.Kept, got)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestNothingToDo checks that a run without changes leaves no trace.
func TestNothingToDo(t *testing.T) {
	w := rich()
	dir := w.place(t, memory(t))
	once := func() {
		r := &rig{}
		p, err := hold(context.Background(), dir, r.folder(t, dir))
		if err == nil {
			err = errors.Join(p.Apply(nil), p.Remember("inputs", []byte("digest")), p.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	once() // makes the cache
	long := time.Unix(1e9, 0)
	visit(t, dir, func(name string, _ fs.FileInfo) error { return os.Chtimes(name, long, long) })
	once()
	visit(t, dir, func(name string, info fs.FileInfo) error {
		if !info.ModTime().Equal(long) {
			t.Errorf("%s was written", name)
		}
		return nil
	})
}

// visit calls f for all files and folders, the cache's too. What is in a folder comes before it.
func visit(t *testing.T, dir string, f func(name string, info fs.FileInfo) error) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if d.Type()&fs.ModeSymlink == 0 {
			names = append(names, name)
		}
		return err
	})
	for _, name := range slices.Backward(names) {
		info, failed := os.Lstat(name)
		if err = errors.Join(err, failed); err == nil {
			err = f(name, info)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
