package merge

import (
	"strings"
	"testing"
)

// TestFile checks what becomes of a file that both sides changed, by its kind.
func TestFile(t *testing.T) {
	tests := map[string]struct {
		name             string
		base, disk, next string
		want             string // "" is a conflict, or a file that is at work
		conflict, broken string
	}{
		"two places":          {"Makefile", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", "", ""},
		"one place":           {"Makefile", "a\nb\n", "A\nb\n", "B\nb\n", "", "the same lines", ""},
		"the same change":     {"Makefile", "a\nb\nc\n", "X\nb\nc\n", "X\nb\nc\n", "X\nb\nc\n", "", ""},
		"CRLF":                {"README.md", "a\nb\nc\n", "A\r\nb\r\nc\r\n", "a\nb\nC\n", "A\r\nb\r\nC\r\n", "", ""},
		"markers":             {"Makefile", "a\n", "<<<<<<< x\na\n=======\nb\n>>>>>>> y\n", "c\n", "", "has conflict markers", ""},
		"Go that is broken":   {"a.go", "package a\n\nfunc f() {\n\tg()\n}\n", "package a\n\nfunc f() {\n\tg()\n\tif true {\n}\n", "package b\n\nfunc f() {\n\tg()\n}\n", "package b\n\nfunc f() {\n\tg()\n\tif true {\n}\n", "", ""},
		"Go that gets broken": {"a.go", "package a\n\nvar x = 1\n\nvar y = 2\n", "package a\n\nvar (\n\tx = 1\n\n\ty = 2\n)\n", "package a\n\nvar x = 1\n\nvar y = 2\n\nvar z = 3\n", "", "", ""},
		"YAML that loads":     {"config.yaml", "a: 1\nb: 2\nc: 3\n", "a: 9\nb: 2\nc: 3\n", "a: 1\nb: 2\nc: 4\n", "a: 9\nb: 2\nc: 4\n", "", ""},
		"YAML that is twice":  {"config.yaml", "a: 1\nb: 2\nc: 3\n", "x: 1\na: 1\nb: 2\nc: 3\n", "a: 1\nb: 2\nc: 3\nx: 1\n", "", "can't be read", ""},
		"a chart's template":  {"deploy/helm/a/templates/x.yaml", "{{ a }}: 1\nb: 2\nc: 3\n", "{{ a }}: 9\nb: 2\nc: 3\n", "{{ a }}: 1\nb: 2\nc: 4\n", "{{ a }}: 9\nb: 2\nc: 4\n", "", ""},
		"go.mod":              {"go.mod", "module a\n", "module a\n\nrequire b.com/b v1.0.0\n", "module a\n\nrequire c.com/c v1.0.0\n", "module a\n\nrequire (\n\tb.com/b v1.0.0\n\tc.com/c v1.0.0\n)\n", "", ""},
		"go.mod at work":      {"go.mod", "module a\n", "module a\n\nrequire (\n", "module a\n\nrequire c.com/c v1.0.0\n", "", "", "can't be merged as it is"},
		"go.sum":              {"go.sum", "", "b v1.0.0 h1:b\n", "a v1.0.0 h1:a\n", "a v1.0.0 h1:a\nb v1.0.0 h1:b\n", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := File(tt.name, []byte(tt.base), []byte(tt.disk), []byte(tt.next))
			if tt.name == "a.go" && tt.want == "" {
				if m.Conflict == "" && Check("a.go", m.Content) != nil {
					t.Errorf("a result that does not parse: %s", m.Content)
				}
				return
			}
			if !strings.Contains(m.Conflict, tt.conflict) || (m.Conflict != "") != (tt.conflict != "") {
				t.Errorf("the conflict is %q, want %q", m.Conflict, tt.conflict)
			}
			if !strings.Contains(m.Broken, tt.broken) || (m.Broken != "") != (tt.broken != "") {
				t.Errorf("broken is %q, want %q", m.Broken, tt.broken)
			}
			if m.Conflict == "" && m.Broken == "" && string(m.Content) != tt.want {
				t.Errorf("got %q, want %q", m.Content, tt.want)
			}
		})
	}
}

// TestGoDeclaredTwice checks what a merge by line may put into a file a second time, as both sides wrote it to places of
// their own.
func TestGoDeclaredTwice(t *testing.T) {
	const top = "package a\n\nimport (\n\t\"fmt\"\n\t\"io\"\n)\n\ntype t[P any] struct{}\n\nvar kept = 1\n"
	tests := map[string]struct {
		more     string // that a file has beside top
		conflict string
	}{
		"an import":            {"import \"fmt\"", "fmt is imported twice"},
		"a name of imports":    {"import fmt \"example.com/fmt\"", "fmt is imported twice"},
		"another name":         {"import fmt2 \"fmt\"", ""},
		"for its effects":      {"import _ \"x\"\nimport _ \"x\"", ""},
		"a function":           {"func f() {}\nfunc f() {}", "f is declared twice"},
		"init":                 {"func init() {}\nfunc init() {}", ""},
		"a method":             {"func (t[P]) m() {}\nfunc (x *t[Q]) m() {}", "t.m is declared twice"},
		"methods of two types": {"func (t[P]) m() {}\nfunc (u) m() {}\nfunc m() {}", ""},
		"a type":               {"type (\n\tx int\n\tt int\n)", "t is declared twice"},
		"a variable":           {"var other, kept = 2, 3", "kept is declared twice"},
		"a constant":           {"const kept = 2", "kept is declared twice"},
		"nothing":              {"var _ = 1\nvar _ = 2", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			content := top + "\n" + tt.more + "\n"
			if strings.HasPrefix(tt.more, "import") {
				content = strings.Replace(top, "\n\n", "\n\n"+tt.more+"\n", 1)
			}
			err := Check("a.go", []byte(content))
			if (err != nil) != (tt.conflict != "") || err != nil && !strings.Contains(err.Error(), tt.conflict) {
				t.Errorf("got %v, want %q", err, tt.conflict)
			}
		})
	}
	base := top + "\n// middle\n\nvar last = 2\n"
	disk := strings.Replace(base, "// middle", "func f() {}\n\n// middle", 1)
	next := base + "\nfunc f() {}\n"
	if m := File("a.go", []byte(base), []byte(disk), []byte(next)); !strings.Contains(m.Conflict, "f is declared twice") {
		t.Errorf("got %q\n%s", m.Conflict, m.Content)
	}
	if m := File("a.go", []byte(base), []byte(disk+"func f() {}\n"), []byte(next+"// more\n")); strings.Contains(m.Conflict, "twice") {
		t.Errorf("the owner's own mistake is a conflict: %q", m.Conflict)
	}
}

// TestPlaces checks that a conflict says where in the owner's file it is, and that its markers are git's.
func TestPlaces(t *testing.T) {
	m := File("Makefile", []byte("a\nb\nc\n"), []byte("new\na\nmine\nc\n"), []byte("a\nsvc\nc\n"))
	if len(m.Places) != 1 || m.Places[0].Line != 3 {
		t.Errorf("the places are %+v", m.Places)
	}
	want := "new\na\n<<<<<<< yours\nmine\n||||||| svc's last\nb\n=======\nsvc\n>>>>>>> svc's\nc\n"
	if string(m.Marked) != want {
		t.Errorf("got %q, want %q", m.Marked, want)
	}
}

// TestMarked tells a merge that is not finished from a text: what is left of a pair of markers counts, a line under a
// heading does not.
func TestMarked(t *testing.T) {
	tests := map[string]struct {
		text string
		want bool
	}{
		"all":                 {"a\n<<<<<<< x\na\n||||||| b\n=======\nb\n>>>>>>> y\n", true},
		"a start":             {"<<<<<<< x\na\n", true},
		"a base":              {"a\n||||||| b\na\n", true},
		"an end":              {"a\n>>>>>>> y", true},
		"an end, CRLF":        {"a\r\n>>>>>>> y\r\n", true},
		"behind a BOM":        {"\uFEFF<<<<<<< x\na\n", true},
		"a heading":           {"Title\n=======\n", false},
		"in a line":           {"see <<<<<<< x\n", false},
		"longer than markers": {"<<<<<<<< x\n", false},
		"nothing":             {"", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Marked([]byte(tt.text)); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
