package tree

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	good := []string{"a", "a/b.go", ".github/workflows/ci.yaml", ".gitignore", ".svc/lock.json", "größe/x y.go", "a..b", "...a", "console.go", "com10", "gitx", "a/.github"}
	bad := []string{
		"", ".", "..", "/", "/a", "a/", "a//b", "./a", "a/.", "a/./b", "../a", "a/..", "a/../b", "a/../../b", "~/../..", // out, or not clean
		"a\\b", "..\\a", "C:", "C:/a", "a:b", "a*", "a?", "a\"b", "a<b", "a>b", "a|b", "a\x00b", "a\nb", "a\tb", "a\x1fb", // not everywhere
		"con", "a/con", "CON", "con.txt", "a/Nul.go/b", "com1", "LPT9.x", "a.", "a./b", "a ", "a /b", "con .go", // not on Windows
		".git/config", "a/.git/config", ".GIT/config", ".git", ".git./config", ".git /x", "git~1/config", // git's own
		"a\xffb", // not a name to all file systems, nor to JSON
	}
	for _, p := range good {
		if err := CheckPath(p); err != nil {
			t.Error(err)
		}
	}
	for _, p := range bad {
		if CheckPath(p) == nil {
			t.Errorf("%q is taken for a safe path", p)
		}
	}
}

// FuzzCheckPath checks that no path that is taken leads out.
func FuzzCheckPath(f *testing.F) {
	for _, s := range []string{"a/b", "../a", "a/../..", "C:\\a", ".git", "con"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if CheckPath(p) != nil {
			return
		}
		if !filepath.IsLocal(filepath.FromSlash(p)) || strings.Contains(p, "\\") || strings.HasPrefix(p, "/") {
			t.Errorf("%q leads out", p)
		}
		if got := filepath.ToSlash(filepath.Join("root", filepath.FromSlash(p))); got != "root/"+p {
			t.Errorf("%q is %q below root", p, got)
		}
	})
}

func TestNew(t *testing.T) {
	tr, err := New([]File{{Path: "b"}, {Path: "a/c", Template: "t"}, {Path: "a/b"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range tr.Files() {
		got = append(got, f.Path)
	}
	if s := strings.Join(got, " "); s != "a/b a/c b" {
		t.Errorf("got %s", s)
	}
	if f, ok := tr.Lookup("a/c"); !ok || f.Template != "t" {
		t.Errorf("Lookup: got %+v, %t", f, ok)
	}
	if _, ok := tr.Lookup("a/d"); ok {
		t.Error("Lookup finds what is not there")
	}
}

func TestNewRefuses(t *testing.T) {
	tests := map[string][]File{
		"an unsafe path":            {{Path: "../a"}},
		"a path twice":              {{Path: "a"}, {Path: "a"}},
		"a path twice but for case": {{Path: "a/B.go"}, {Path: "a/b.go"}},
		"a file as a folder":        {{Path: "a"}, {Path: "a/b"}},
		"a folder by another case":  {{Path: "A"}, {Path: "a/b/c"}},
	}
	for name, files := range tests {
		if _, err := New(files); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestSum(t *testing.T) {
	// From sha256sum(1).
	const want = "190d4be7efae4910b937c5898fff3b7eadf6688a3b3fd2489643b2f65b6d0552"
	if got := Sum([]byte("svc\n")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
