package apply

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// write puts files below a fresh folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns the files below dir, svc's cache left out, and folders that are empty with a slash at the end.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil:
			return err
		case rel == ".svc":
			return filepath.SkipDir
		case e.IsDir():
			if entries, err := os.ReadDir(p); err != nil || len(entries) == 0 {
				files[rel+"/"] = ""
			}
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			files[rel], err = os.Readlink(p)
			return err
		}
		content, err := os.ReadFile(p)
		files[rel] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(files, "./")
	return files
}

func check(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := read(t, dir); !maps.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, name := range []string{stageDir, journal} {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left behind", name)
		}
	}
}

func open(t *testing.T, dir string) *Project {
	t.Helper()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestApply(t *testing.T) {
	dir := write(t, map[string]string{"same": "1", "changed": "1", "gone/with/its/folder": "1", "gone/kept": "1", "empty": ""})
	p := open(t, dir)
	if p.Recovered {
		t.Error("a fresh project is said to be recovered")
	}
	err := p.Apply([]Change{
		{Path: "changed", Content: []byte("2"), Expect: []byte("1")},
		{Path: "empty", Content: []byte("now not"), Expect: []byte{}},
		{Path: "gone/with/its/folder", Expect: []byte("1")},
		{Path: "never/there"},
		{Path: "new/deep/file", Content: []byte("2")},
		{Path: "new/empty", Content: []byte{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, dir, map[string]string{"same": "1", "changed": "2", "gone/kept": "1", "empty": "now not", "new/deep/file": "2", "new/empty": ""})
	ignored, err := os.ReadFile(filepath.Join(dir, ".svc", "cache", ".gitignore"))
	if err != nil || !strings.Contains(string(ignored), "\n*\n") {
		t.Errorf("git is not told to ignore the cache: %q, %v", ignored, err)
	}
}

// TestApplyKeepsMode checks modes that a umask narrows, too.
func TestApplyKeepsMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o755, 0o777, 0o666, 0o600, 0o444, 0o775 | fs.ModeSetgid} {
		dir := write(t, map[string]string{"run.sh": "1"})
		name := filepath.Join(dir, "run.sh")
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := open(t, dir).Apply([]Change{{Path: "run.sh", Content: []byte("2"), Expect: []byte("1")}}); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if before.Mode() != after.Mode() {
			t.Errorf("the mode was %v and is %v", before.Mode(), after.Mode())
		}
	}
}

// TestApplyRefuses checks that a change that can't be made keeps all others from being made.
func TestApplyRefuses(t *testing.T) {
	outside := write(t, map[string]string{"secret": "1"})
	link := func(target, name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	nothing := func(*testing.T, string) {}
	tests := map[string]struct {
		setup  func(*testing.T, string)
		change Change
		moved  bool
	}{
		"it changed":               {nothing, Change{Path: "b", Content: []byte("2"), Expect: []byte("0")}, true},
		"it appeared":              {nothing, Change{Path: "b", Content: []byte("2")}, true},
		"it vanished":              {nothing, Change{Path: "c", Content: []byte("2"), Expect: []byte("1")}, true},
		"it vanished, empty":       {nothing, Change{Path: "c", Content: []byte("2"), Expect: []byte{}}, true},
		"to be deleted, changed":   {nothing, Change{Path: "b", Expect: []byte("0")}, true},
		"a way out":                {nothing, Change{Path: "../out", Content: []byte("2")}, false},
		"an absolute path":         {nothing, Change{Path: outside + "/out", Content: []byte("2")}, false},
		"a folder in the way":      {nothing, Change{Path: "d", Content: []byte("2")}, false},
		"a file as a folder":       {nothing, Change{Path: "b/x", Content: []byte("2")}, false},
		"a file as a deep folder":  {nothing, Change{Path: "b/x/y/z", Content: []byte("2")}, false},
		"a link out":               {link(outside, "out"), Change{Path: "out/new", Content: []byte("2")}, false},
		"a link to a file outside": {link(filepath.Join(outside, "secret"), "out"), Change{Path: "out", Content: []byte("2"), Expect: []byte("1")}, false},
		"a relative link out":      {link(filepath.Join("..", filepath.Base(outside)), "out"), Change{Path: "out/new", Content: []byte("2")}, false},
		"a link to itself":         {link("out", "out"), Change{Path: "out/new", Content: []byte("2")}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"a": "1", "b": "1", "d/x": "1"})
			tt.setup(t, dir)
			before := read(t, dir)
			p := open(t, dir)
			err := p.Apply([]Change{
				{Path: "a", Content: []byte("2"), Expect: []byte("1")}, {Path: "new/x", Content: []byte("2")},
				tt.change, {Path: "z", Content: []byte("2")},
			})
			if err == nil || errors.Is(err, ErrMoved) != tt.moved {
				t.Errorf("got %v", err)
			} else if !tt.moved && !strings.HasSuffix(err.Error(), "nothing was written: mend that and run svc again") {
				t.Errorf("it is not said what to do: %v", err)
			}
			check(t, dir, before)
			check(t, outside, map[string]string{"secret": "1"})
			// And the project is not stuck.
			if err := p.Apply([]Change{{Path: "a", Content: []byte("3"), Expect: []byte("1")}}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestApplyReadOnly checks that a folder that takes no files is found before anything is written. The superuser may write
// everywhere; then all is written.
func TestApplyReadOnly(t *testing.T) {
	dir := write(t, map[string]string{"a": "1", "locked/x": "1", "locked/y": "1"})
	locked := filepath.Join(dir, "locked")
	if err := os.Chmod(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(locked, 0o755) })
	before := read(t, dir)
	err := open(t, dir).Apply([]Change{
		{Path: "a", Content: []byte("2"), Expect: []byte("1")},
		{Path: "locked/x", Content: []byte("2"), Expect: []byte("1")},
		{Path: "locked/y", Expect: []byte("1")},
	})
	if err != nil {
		check(t, dir, before)
	} else {
		check(t, dir, map[string]string{"a": "2", "locked/x": "2"})
	}
	if os.Geteuid() > 0 && runtime.GOOS != "windows" && err == nil {
		t.Error("a read-only folder was written to")
	}
}

// halfDone leaves what a run leaves that is killed after the first done of its steps, or before its commit.
func halfDone(t *testing.T, dir string, committed bool, done int) {
	t.Helper()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.begin([]Change{
		{Path: "a", Content: []byte("2"), Expect: []byte("1")},
		{Path: "gone/b", Expect: []byte("1")},
		{Path: "new/c", Content: []byte("2")},
	}); err != nil {
		t.Fatal(err)
	}
	var steps []step
	if committed {
		if err := commit(p.folder); err != nil {
			t.Fatal(err)
		}
		if steps, err = readJournal(p.folder); err != nil {
			t.Fatal(err)
		}
	}
	if err := doAll(p.folder, steps[:done]); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFinishesOrUndoes(t *testing.T) {
	before := map[string]string{"a": "1", "gone/b": "1", "mine": "1"}
	after := map[string]string{"a": "2", "new/c": "2", "mine": "1"}
	for done := range 4 {
		dir := write(t, before)
		halfDone(t, dir, true, done)
		if p := open(t, dir); !p.Recovered {
			t.Errorf("after %d steps: it is not said that a run was finished", done)
		}
		check(t, dir, after)
	}
	dir := write(t, before)
	halfDone(t, dir, false, 0)
	if p := open(t, dir); p.Recovered {
		t.Error("it is said that a run was finished that was undone")
	}
	check(t, dir, before)
}

// TestOpenDistrustsTheJournal checks that a journal that was not written by svc moves nothing in or out.
func TestOpenDistrustsTheJournal(t *testing.T) {
	journals := map[string]string{
		"damage":              `[{"path":`,
		"a way out":           `[{"path":"../out","stage":".svc/cache/stage/0"}]`,
		"a deletion outside":  `[{"path":"../out"}]`,
		"another stage":       `[{"path":"b","stage":"a"}]`,
		"a stage above":       `[{"path":"b","stage":".svc/cache/stage/.."}]`,
		"a stage from above":  `[{"path":"b","stage":".svc/cache/stage/../../../a"}]`,
		"an absolute path":    `[{"path":"/b","stage":".svc/cache/stage/0"}]`,
		"git's configuration": `[{"path":".git/config","stage":".svc/cache/stage/0"}]`,
	}
	for name, content := range journals {
		dir := write(t, map[string]string{"a": "1", ".svc/cache/stage/0": "2", ".svc/cache/journal.json": content})
		if p, err := Open(dir); err == nil {
			t.Errorf("%s: it was taken", name)
			_ = p.Close()
		}
		if got := read(t, dir); !maps.Equal(got, map[string]string{"a": "1"}) {
			t.Errorf("%s: got %q", name, got)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "out")); err == nil {
			t.Errorf("%s: it led out", name)
		}
	}
}

// TestOpenDistrustsTheList checks that a list of what a killed run had made takes away nothing but that.
func TestOpenDistrustsTheList(t *testing.T) {
	outside := t.TempDir()
	dir := write(t, map[string]string{"empty": "", "full/file": "1", "a/.svc-probe": "mine", "b/.svc-probe": "", "b/x": "1"})
	for _, name := range []string{"made/deep", ".git/refs", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(name)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal([]string{
		"made", "made/deep", "never", "full", "empty", "empty/x", "full/file", "a/.svc-probe", "b/.svc-probe",
		".git/refs", "../" + filepath.Base(outside), outside, "", ".",
	})
	stage := filepath.Join(dir, filepath.FromSlash(stageDir))
	if err := errors.Join(err, os.MkdirAll(stage, 0o755), os.WriteFile(filepath.Join(stage, "made"), list, 0o644)); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	check(t, dir, map[string]string{"empty": "", "full/file": "1", "a/.svc-probe": "mine", "b/x": "1", ".git/refs/": "", "other/": ""})
	check(t, outside, map[string]string{})
}

// TestJournalFormat holds the journal, which another version of svc may have to finish, to its format.
func TestJournalFormat(t *testing.T) {
	got, err := json.Marshal([]step{{Path: "a", Stage: stageDir + "/0"}, {Path: "b"}})
	if want := `[{"path":"a","stage":".svc/cache/stage/0"},{"path":"b"}]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// TestOpenExcludes checks that one run at a time holds a project.
func TestOpenExcludes(t *testing.T) {
	dir := t.TempDir()
	var holders atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, err := Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			if n := holders.Add(1); n != 1 {
				t.Errorf("%d runs hold the project", n)
			}
			holders.Add(-1)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, ".svc")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a link that leads outside is followed")
	}
	check(t, outside, map[string]string{})
}

func TestFill(t *testing.T) {
	dir := t.TempDir()
	if err := Fill(dir, map[string][]byte{"a/b": []byte("1"), "c": nil}); err != nil {
		t.Fatal(err)
	}
	check(t, dir, map[string]string{"a/b": "1", "c": ""})
	if err := Fill(dir, map[string][]byte{"../out": nil}); err == nil {
		t.Error("a path that leads out is taken")
	}
}

// What its owner wrote between a kill and the next run is kept.
func TestFinishKeepsLaterEdits(t *testing.T) {
	dir := t.TempDir()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	const name = "handler.go"
	if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.begin([]Change{{Path: name, Content: []byte("new"), Expect: []byte("old")}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(commit(p.folder), p.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if p, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != "mine" || !p.Recovered || len(p.Kept) != 1 || p.Kept[0] != name {
		t.Errorf("got %q, recovered %t, kept %q: %v", got, p.Recovered, p.Kept, err)
	}
}

// What is remembered for this machine goes nowhere through a link.
func TestRememberFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("kept"), 0o644), os.Symlink(victim, filepath.Join(dir, filepath.FromSlash(CacheDir), "inputs"))); err != nil {
		t.Fatal(err)
	}
	if err := p.Remember("inputs", []byte("digest")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "kept" {
		t.Errorf("the victim holds %q: %v", got, err)
	}
}
