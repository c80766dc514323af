package apply

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestReaderReadsAsRootDoes asks a Reader and os.Root for the same names, in any order: those of files, of folders, of what
// links lead to within a folder, elsewhere in the project and out of it, and of what is not there.
func TestReaderReadsAsRootDoes(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a/b/c/one": "1", "a/b/two": "2", "a/three": "3", "d/four": "4", "five": "5"} {
		path := filepath.Join(dir, "in", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte("6"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{
		"a/near": "b", "a/b/up": "../../d", "a/b/c/file": "../two", "a/b/away": "../../../outside", "d/out": "../..", "d/none": "nothing", "d/loop": "loop",
	} {
		if err := os.Symlink(filepath.FromSlash(to), filepath.Join(dir, "in", filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(filepath.Join(dir, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	names := []string{
		".", "five", "a", "a/b", "a/three", "a/b/two", "a/b/c/one", "a/b/c/file", "a/near/two", "a/near/c/one", "a/near/up/four", "a/b/up/four",
		"a/b/up/out/outside", "a/b/away", "a/b/away/x", "d/four", "d/out/outside", "d/none", "d/none/x", "d/loop", "d/loop/x", "a/three/x", "a/three/x/y",
		"e", "e/f", "e/f/g", "a/b/x", "a/b/c/x/y", "a/bc/x",
	}
	r := NewReader(root)
	defer r.Close()
	random := rand.New(rand.NewPCG(1, 1))
	for range 5_000 {
		name := names[random.IntN(len(names))]
		got, gotErr := r.ReadFile(name)
		want, wantErr := root.ReadFile(name)
		if string(got) != string(want) || !alike(gotErr, wantErr) {
			t.Fatalf("%s: %q, %v; os.Root: %q, %v", name, got, gotErr, want, wantErr)
		}
		compareInfo(t, name, r.Stat, root.Stat)
		compareInfo(t, name, r.Lstat, root.Lstat)
	}
}

func compareInfo(t *testing.T, name string, got, want func(string) (fs.FileInfo, error)) {
	t.Helper()
	g, gotErr := got(name)
	w, wantErr := want(name)
	if !alike(gotErr, wantErr) || gotErr == nil && !os.SameFile(g, w) {
		t.Fatalf("%s: %v, %v; os.Root: %v, %v", name, g, gotErr, w, wantErr)
	}
}

// alike reports whether errors are the same to apply, which asks what is not there, and what is out of reach.
func alike(got, want error) bool {
	kind := func(err error) [3]bool {
		return [3]bool{err == nil, errors.Is(err, fs.ErrNotExist), err != nil && unreachable(err)}
	}
	return kind(got) == kind(want)
}
