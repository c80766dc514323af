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
	l.Files["cmd/shop/main.go"] = Entry{tree.Merge, "core/cmd/[app]/main.go.tmpl", xSum}
	l.Files["gen/a.pb.go"] = Entry{tree.Owned, "protoc-gen-go@v1.36.12", xSum}
	l.Files["internal/service/a/größe & b.go"] = Entry{tree.Decl, "core/x", xSum}
	return l
}

func TestFormat(t *testing.T) {
	want := `{
  "version": 1,
  "files": {
    "cmd/shop/main.go": {"class":"merge","template":"core/cmd/[app]/main.go.tmpl","sha256":"` + xSum + `"},
    "gen/a.pb.go": {"class":"owned","template":"protoc-gen-go@v1.36.12","sha256":"` + xSum + `"},
    "internal/service/a/größe & b.go": {"class":"decl","template":"core/x","sha256":"` + xSum + `"}
  }
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

// TestFormatMergesByLine checks that a file is one line and that adding one touches no other: that is what git merges.
func TestFormatMergesByLine(t *testing.T) {
	before := sample()
	after := sample()
	after.Files["deploy/x"] = Entry{tree.Merge, "t", xSum}
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
	entry := `{"class":"merge","template":"t","sha256":"` + xSum + `"}`
	files := func(s string) string { return `{"version": 1, "files": {` + s + `}}` }
	tests := map[string]struct{ lock, want string }{
		"nothing":           {"", "not a lock"},
		"damage":            {`{"version": 1, "files`, "not a lock"},
		"another JSON":      {`[]`, "not a lock"},
		"more after it":     {files("") + "{}", "not a lock"},
		"a newer version":   {`{"version": 2, "files": {}}`, "unsupported lock version 2"},
		"no version":        {`{"files": {}}`, "unsupported lock version 0"},
		"null":              {"null", "unsupported lock version 0"},
		"a way out":         {files(`"../x": ` + entry), "unsafe path"},
		"a way out inside":  {files(`"a/../../x": ` + entry), "unsafe path"},
		"an absolute path":  {files(`"/etc/passwd": ` + entry), "unsafe path"},
		"a Windows path":    {files(`"C:\\x": ` + entry), "unsafe path"},
		"git's own":         {files(`".git/hooks/pre-commit": ` + entry), "git"},
		"svc's own":         {files(`".svc/lock.json": ` + entry), "never emits"},
		"svc's own by case": {files(`".SVC/lock.json": ` + entry), "never emits"},
		"svc's folder":      {files(`".svc": ` + entry), "never emits"},
		"the manifest":      {files(`"svc.yaml": ` + entry), "never emits"},
		"no class":          {files(`"a": {"template":"t","sha256":"` + xSum + `"}`), "unknown class"},
		"an unknown class":  {files(`"a": {"class":"x","template":"t","sha256":"` + xSum + `"}`), "unknown class"},
		"no sum":            {files(`"a": {"class":"merge","template":"t"}`), "checksum"},
		"a short sum":       {files(`"a": {"class":"merge","template":"t","sha256":"ab"}`), "checksum"},
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
		if again.Version != l.Version || !maps.Equal(again.Files, l.Files) {
			t.Errorf("got  %+v\nwant %+v", again, l)
		}
		if !bytes.Equal(again.Format(), written) {
			t.Errorf("Format is not stable:\n%s", written)
		}
		if got, want := bytes.Count(written, []byte("\n")), len(l.Files)+5; got != want {
			t.Errorf("%d lines, want %d:\n%s", got, want, written)
		}
	})
}
