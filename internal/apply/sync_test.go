package apply

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// onSync opens the project in dir and calls f for each sync, one at a time, with the path that is synced. An error of f
// makes it fail.
func onSync(t *testing.T, dir string, f func(name string) error) *Project {
	t.Helper()
	r := &rig{}
	r.judge = func(_ int, op, name string) verdict {
		if op == "sync" {
			if r.errno = f(name); r.errno != nil {
				return fails
			}
		}
		return works
	}
	p, err := hold(context.Background(), dir, r.folder(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil
}

// TestPowerCut checks that everything is on the disk before what depends on it: the staged files before the journal,
// the journal before the first file moves, and each file's new name before the journal goes.
func TestPowerCut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders are not synced there")
	}
	dir := write(t, map[string]string{"old/a": "1", "old/b": "1", "gone/with/folder": "1", ".svc/base/old/a": "1"})
	moved := func() bool { return exists(dir, "new/deep/c") && !exists(dir, "gone") }
	var before, committed, after []string
	p := onSync(t, dir, func(name string) error {
		switch {
		case !exists(dir, journal):
			before = append(before, name)
		case !moved():
			committed = append(committed, name)
		default:
			after = append(after, name)
		}
		return nil
	})
	if err := p.Apply([]Change{
		{Path: "gone/with/folder", Expect: []byte("1")},
		{Path: "old/a", Content: []byte("2"), Expect: []byte("1")},
		{Path: "new/deep/c", Content: []byte("2")},
		{Path: ".svc/base/new/deep/c", Content: []byte("2")}, // it can be had from the other
		{Path: ".svc/base/old/a", Content: []byte("2"), Expect: []byte("1")},
	}); errors.Join(err, p.Close()) != nil {
		t.Fatal(err)
	}
	check(t, dir, map[string]string{"old/a": "2", "old/b": "1", "new/deep/c": "2"})
	for want, got := range map[string][]string{
		". .svc .svc/cache .svc/cache/stage .svc/cache/stage/1 .svc/cache/stage/2 .svc/cache/stage/4 .svc/cache/stage/journal": before,
		".svc/cache": committed,
		". .svc .svc/base .svc/base/old new new/deep old": after,
	} {
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("synced %q, want %s", got, want)
		}
	}
}

// TestSyncFails checks what is there when a disk fails: before the commit the project as it was, after it one that the
// next run finishes.
func TestSyncFails(t *testing.T) {
	before := map[string]string{"a": "1", "sub/b": "1"}
	after := map[string]string{"a": "2", "sub/b": "2"}
	changes := []Change{
		{Path: "a", Content: []byte("2"), Expect: []byte("1")},
		{Path: "sub/b", Content: []byte("2"), Expect: []byte("1")},
	}
	failed := errors.New("the disk fails")
	for at, want := range map[string]map[string]string{
		".svc/cache/stage/1": before, ".svc/cache/stage": before, ".svc/cache/stage/journal": before,
		".svc/cache": before, "sub": after,
	} {
		if at != ".svc/cache/stage/1" && runtime.GOOS == "windows" {
			continue
		}
		dir := write(t, before)
		p := onSync(t, dir, func(name string) error {
			if name == at && (at != ".svc/cache" || exists(dir, journal)) {
				return failed
			}
			return nil
		})
		if err := errors.Join(p.Apply(changes), p.Close()); !errors.Is(err, failed) {
			t.Errorf("%s: got %v", at, err)
		}
		if p := open(t, dir); p.Recovered != maps.Equal(want, after) {
			t.Errorf("%s: recovered: %t", at, p.Recovered)
		}
		check(t, dir, want)
	}
}
