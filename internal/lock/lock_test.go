package lock

import (
	"bytes"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/svcgen/svc/internal/tree"
)

var xSum = tree.Sum([]byte("x"))

func sample() *Lock {
	l := New()
	l.Files["cmd/shop/main.go"] = Entry{Class: tree.Merge, Template: "core/cmd/[app]/main.go.tmpl", Of: "shop", Sum: xSum}
	l.Files["gen/a.pb.go"] = Entry{Class: tree.Owned, Template: "protoc-gen-go@v1.36.12", Sum: xSum, Form: xSum}
	l.Files["internal/service/a/größe & b.go"] = Entry{Class: tree.Decl, Template: "core/x", Sum: xSum}
	l.RPCs["shop.v1.Shop.Buy"] = "unary shop.v1.BuyRequest shop.v1.BuyResponse"
	return l
}

func TestFormat(t *testing.T) {
	want := `{
  "version": 2,
  "files": [
    {"path":"cmd/shop/main.go","class":"merge","template":"core/cmd/[app]/main.go.tmpl","of":"shop","sha256":"` + xSum + `"},
    {"path":"gen/a.pb.go","class":"owned","template":"protoc-gen-go@v1.36.12","sha256":"` + xSum + `","form":"` + xSum + `"},
    {"path":"internal/service/a/größe & b.go","class":"decl","template":"core/x","sha256":"` + xSum + `"},
    null
  ],
  "rpcs": [
    {"rpc":"shop.v1.Shop.Buy","shape":"unary shop.v1.BuyRequest shop.v1.BuyResponse"},
    null
  ]
}
`
	if got := string(sample().Format()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	l, err := Parse([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(l, sample()) {
		t.Errorf("got %+v", l)
	}
}

// TestParseV1 checks that the first format is understood: it had no rpcs, and the sums of all files.
func TestParseV1(t *testing.T) {
	l, err := Parse([]byte(`{
  "version": 1,
  "files": {
    "cmd/shop/main.go": {"class":"merge","template":"t","sha256":"` + xSum + `"},
    "gen/a.pb.go": {"class":"owned","template":"t","sha256":"` + xSum + `"}
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := New()
	want.Files["cmd/shop/main.go"] = Entry{Class: tree.Merge, Template: "t", Sum: xSum}
	want.Files["gen/a.pb.go"] = Entry{Class: tree.Owned, Template: "t", Sum: xSum}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got %+v, want %+v", l, want)
	}
}

// TestParseUnion checks that git's union of two branches is a lock, with the files of both.
func TestParseUnion(t *testing.T) {
	text := string(sample().Format())
	ySum := tree.Sum([]byte("y"))
	line := `    {"path":"z","class":"merge","template":"t","sha256":"` + xSum + `"},` + "\n"
	twice := strings.Replace(text, "    null\n", line+strings.Replace(line, xSum, ySum, 1)+"    null\n", 1)
	l, err := Parse([]byte(twice))
	if err != nil {
		t.Fatal(err)
	}
	z := l.Files["z"]
	if len(l.Files) != 4 || !z.Says([]byte("x")) || !z.Says([]byte("y")) || z.Says([]byte("z")) {
		t.Errorf("got %+v", l.Files)
	}
}

// TestFormatMergesByLine checks that a file is one line and that adding one touches no other: that is what git merges.
func TestFormatMergesByLine(t *testing.T) {
	before := sample()
	after := sample()
	for _, path := range []string{"a", "deploy/x", "z"} {
		after.Files[path] = Entry{Class: tree.Merge, Template: "t", Sum: xSum}
	}
	after.RPCs["z"] = "s"
	lines := map[string]bool{}
	for line := range strings.Lines(string(after.Format())) {
		lines[line] = true
	}
	for line := range strings.Lines(string(before.Format())) {
		if !lines[line] {
			t.Errorf("another file changed the line %q", line)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	files := func(path string) string {
		return `{"version": 2, "files": [{"path":"` + path + `","class":"merge","template":"t"}]}`
	}
	entry := func(s string) string {
		return `{"version": 2, "files": [{"path":"a","template":"t","sha256":"` + xSum + `"` + s + `}]}`
	}
	tests := map[string]struct{ lock, want string }{
		"nothing":           {"", "not a lock"},
		"damage":            {`{"version": 1, "files`, "not a lock"},
		"another JSON":      {`[]`, "not a lock"},
		"more after it":     {files("a") + "{}", "not a lock"},
		"a newer version":   {`{"version": 3, "files": {}}`, "unsupported lock version 3"},
		"no version":        {`{"files": {}}`, "unsupported lock version 0"},
		"null":              {"null", "unsupported lock version 0"},
		"a way out":         {files(`../x`), "unsafe path"},
		"a way out inside":  {files(`a/../../x`), "unsafe path"},
		"an absolute path":  {files(`/etc/passwd`), "unsafe path"},
		"a Windows path":    {files(`C:\\x`), "unsafe path"},
		"git's own":         {files(`.git/hooks/pre-commit`), "git"},
		"svc's own":         {files(`.svc/lock.json`), "never emits"},
		"svc's own by case": {files(`.SVC/lock.json`), "never emits"},
		"svc's folder":      {files(`.svc`), "never emits"},
		"the manifest":      {files(`svc.yaml`), "never emits"},
		"no class":          {entry(""), "unknown class"},
		"an unknown class":  {entry(`,"class":"x"`), "unknown class"},
		"no sum":            {`{"version": 2, "files": [{"path":"a","class":"merge","template":"t"}]}`, "checksum"},
		"a short sum":       {entry(`,"class":"owned","sha256":"ab"`), "checksum"},
		"a bad path in v1":  {`{"version": 1, "files": {"../x": {"class":"merge","template":"t"}}}`, "unsafe path"},
		"conflict markers":  {"{\n<<<<<<< HEAD\n", "conflict markers"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.lock)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzParse checks that what is read is written back as it was understood, and leads nowhere outside.
func FuzzParse(f *testing.F) {
	f.Add(sample().Format())
	f.Add([]byte(`{"version":1,"files":null}`))
	f.Add([]byte(`{"version":2,"files":[null],"rpcs":null}`))
	f.Add([]byte("{\"version\":1,\"files\":{\"a\u2028\":{\"class\":\"merge\"}}}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		l, err := Parse(content)
		if err != nil {
			return
		}
		for p := range l.Files {
			if tree.CheckPath(p) != nil {
				t.Errorf("unsafe path %q", p)
			}
		}
		written := l.Format()
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if !maps.EqualFunc(again.Files, l.Files, func(a, b Entry) bool {
			b.Others = nil
			return reflect.DeepEqual(a, b)
		}) || !maps.Equal(again.RPCs, l.RPCs) {
			t.Errorf("got  %+v\nwant %+v", again, l)
		}
		if !bytes.Equal(again.Format(), written) {
			t.Errorf("Format is not stable:\n%s", written)
		}
		if got, want := bytes.Count(written, []byte("\n")), len(l.Files)+len(l.RPCs)+9; got != want {
			t.Errorf("%d lines, want %d:\n%s", got, want, written)
		}
	})
}
