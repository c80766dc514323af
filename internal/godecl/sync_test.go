package godecl

import (
	"flag"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what Sync returns into the cases")

// Each file in testdata is a case: base.go, disk.go and new.go, and what comes out.
func TestSync(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { testCase(t, name) })
	}
}

func testCase(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	in, want := input(archive)
	out, err := in.sync()
	if err != nil {
		t.Fatal(err)
	}
	notes := ""
	for _, n := range out.Notes {
		notes += fmt.Sprintf("%d: %s\n", n.Line, n.Text)
	}
	for _, n := range out.Conflicts {
		notes += fmt.Sprintf("%d: conflict: %s\n", n.Line, n.Text)
	}
	got := map[string]string{"want.go": string(out.Content), "notes": notes}
	for file, content := range got {
		if content != want[file] && !*update {
			t.Errorf("%s is\n%s\nwant\n%s", file, content, want[file])
		}
	}
	if *update {
		write(t, name, archive, got)
	}
	if formatted, err := format.Source(out.Content); err != nil || string(formatted) != string(out.Content) {
		t.Errorf("the result is not gofmt-clean: %v", err)
	}
}

// versions are three versions of a file that is alone in its package.
type versions struct {
	Base, Disk, New []byte
	Renamed         map[string]string
}

// sync adds all that New has and Base and Disk have not.
func (v versions) sync() (Output, error) {
	var files [3]*File
	for i, src := range [][]byte{v.Base, v.New, v.Disk} {
		var err error
		if files[i], err = Parse("", src); err != nil {
			return Output{}, err
		}
	}
	base, next, disk := files[0], files[1], files[2]
	c := &Change{Base: []*File{base}, New: []*File{next}, Renamed: v.Renamed, Keep: func(string) string { return "" }, Declared: disk.Declares}
	add := slices.DeleteFunc(next.Keys(), func(key string) bool {
		return base.Declares(key) || disk.Declares(key) || c.came(key) != key
	})
	return c.Sync(disk, add), nil
}

func input(archive *txtar.Archive) (in versions, want map[string]string) {
	want = map[string]string{}
	for _, f := range archive.Files {
		switch f.Name {
		case "base.go":
			in.Base = f.Data
		case "disk.go":
			in.Disk = f.Data
		case "new.go":
			in.New = f.Data
		case "renamed":
			in.Renamed = map[string]string{}
			for line := range strings.Lines(string(f.Data)) {
				from, to, _ := strings.Cut(strings.TrimSpace(line), " ")
				in.Renamed[from] = to
			}
		default:
			want[f.Name] = string(f.Data)
		}
	}
	return in, want
}

func write(t *testing.T, name string, archive *txtar.Archive, got map[string]string) {
	var files []txtar.File
	for _, f := range archive.Files {
		if _, ok := got[f.Name]; !ok {
			files = append(files, f)
		}
	}
	for _, file := range []string{"want.go", "notes"} {
		files = append(files, txtar.File{Name: file, Data: []byte(got[file])})
	}
	archive.Files = files
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The standard library's own sources: syncing a file with itself changes no byte, nor does adding a declaration and taking
// it away again, with the import that it needs.
func TestSyncSplicesTheStandardLibrary(t *testing.T) {
	n, added := 0, 0
	for _, dir := range []string{"net", "go", "encoding"} {
		err := filepath.WalkDir(filepath.Join(goRoot(t), "src", dir), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.Contains(p, "testdata") {
				return err
			}
			src, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			n++
			added += splice(t, p, src)
			if n%4 == 0 {
				splice(t, p+" with CRLF", crlf(src))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 500 || added < n {
		t.Errorf("%d files, %d of them changed", n, added)
	}
}

// crlf is a file as its owner may keep it on another system. Carriage returns are no part of raw strings.
func crlf(src []byte) []byte {
	return []byte("\uFEFF" + strings.TrimSuffix(strings.ReplaceAll(string(src), "\n", "\r\n"), "\r\n"))
}

const (
	without = "package p\n\nfunc Kept() {}\n"
	with    = `package p

import (
	"example.com/only/svc"
	"io"
)

func Kept() {}

// TestEmitted is new: a file of external tests may have it, too.
func TestEmitted(r io.Reader) svc.Thing { return svc.Thing{R: r} }
`
)

func withoutMark(src []byte) string {
	return strings.TrimPrefix(strings.TrimSuffix(string(src), "\r\n"), "\uFEFF") + "\r\n"
}

// splice adds a declaration to a file and takes it away; it returns how often that changed the file meanwhile.
func splice(t *testing.T, name string, src []byte) int {
	t.Helper()
	unchanged, err := versions{Base: src, Disk: src, New: src}.sync()
	if err != nil || string(unchanged.Content) != string(src) {
		t.Fatalf("%s is changed: %v", name, err)
	}
	in, err := versions{Base: []byte(without), Disk: src, New: []byte(with)}.sync()
	if err != nil || len(in.Conflicts) > 0 {
		t.Fatalf("%s: %v %v", name, err, in.Conflicts)
	}
	if strings.HasSuffix(name, "CRLF") && formatted(withoutMark(src)) && !formatted(withoutMark(in.Content)) {
		t.Errorf("%s is no longer formatted", name)
	}
	out, err := versions{Base: []byte(with), Disk: in.Content, New: []byte(without)}.sync()
	if err != nil || string(out.Content) != string(src) {
		t.Errorf("%s: %v\n%s", name, err, udiff.Unified("before", "after", string(src), string(out.Content)))
	}
	if string(in.Content) == string(src) {
		return 0
	}
	return 1
}

// FuzzSync looks for panics, and for a function of the owner's that is lost.
func FuzzSync(f *testing.F) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		in, _ := input(archive)
		f.Add(in.Base, in.Disk, in.New)
	}
	f.Fuzz(func(t *testing.T, base, disk, next []byte) {
		out, err := versions{Base: base, Disk: disk, New: next}.sync()
		if err != nil {
			return
		}
		d, _ := Parse("", disk)
		b, _ := Parse("", base)
		for _, mine := range d.decls {
			if b.byKey[mine.key] == nil && !strings.Contains(string(out.Content), d.text(mine.body, mine.end)) {
				t.Errorf("lost %s", mine.key)
			}
		}
	})
}

// goRoot is where the Go distribution is.
func goRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
