package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/svcgen/svc/internal/diag"
)

func TestCheckEmpty(t *testing.T) {
	t.Chdir(t.TempDir())
	err := errors.Join(os.MkdirAll("cloned/.git", 0o755), os.Mkdir("empty", 0o755), os.Mkdir("full", 0o755), os.Symlink("loop", "loop"))
	for _, name := range strings.Split("abcdefg", "") {
		err = errors.Join(err, os.WriteFile(filepath.Join("full", name), nil, 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"absent":        "",
		"absent/below":  "",
		"empty":         "",
		"cloned":        "",
		"full":          "full is not empty: it holds a, b, c, d, e and 2 more",
		"full/b":        "full/b is a file, not a folder",
		"full/b/c/d":    "full/b is a file, not a folder",
		"./full/b/../b": "full/b is a file, not a folder",
	} {
		err := CheckEmpty(filepath.FromSlash(dir))
		if want == "" && err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		if want == "" {
			continue
		}
		var taken *TakenError
		if !errors.As(err, &taken) || filepath.ToSlash(err.Error()) != want {
			t.Errorf("%s: got %v, want %s", dir, err, want)
		}
	}
	// What can't be read is no mistake of the user's.
	var taken *TakenError
	if err := CheckEmpty("loop"); err == nil || errors.As(err, &taken) {
		t.Errorf("a link to itself: got %v", err)
	}
}

// What can't be taken away again is said, beside what went wrong.
func TestPlaceSaysWhatIsLeft(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is in use can't be moved away there")
	}
	dir := filepath.Join(t.TempDir(), "shop")
	failed := errors.New("failed")
	var stage string
	s := Scaffold{Dir: dir, Finish: func(_ context.Context, made string) error {
		stage = made
		return errors.Join(failed, os.Rename(dir, dir+".moved"), os.WriteFile(dir, nil, 0o644))
	}}
	err := s.place(t.Context(), map[string][]byte{"a": nil})
	left := diag.AllLeft(err)
	if !errors.Is(err, failed) || len(left) != 1 || left[0].Path != stage {
		t.Errorf("got %v, left %v, want %s", err, left, stage)
	}
}

// What has come into the way meanwhile is not replaced, and what was moved before goes again.
func TestPlaceReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	s := Scaffold{Dir: dir, Finish: func(context.Context, string) error {
		return os.WriteFile(filepath.Join(dir, "b"), []byte("mine"), 0o644)
	}}
	err := s.place(t.Context(), map[string][]byte{"a/x": nil, "b": nil})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "b" {
		t.Errorf("it holds %v, %v", entries, err)
	}
}
