package render

import (
	"bytes"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/svcgen/svc/templates"
)

func TestGofmtPrunesImports(t *testing.T) {
	tests := map[string]struct{ src, want string }{
		"groups stay": {
			"package p\nimport (\n\t\"os\"\n\t\"fmt\"\n\n\t\"example.com/b\"\n\t\"example.com/a\"\n)\nvar _ = fmt.Sprint(a.X)\n",
			"package p\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/a\"\n)\n\nvar _ = fmt.Sprint(a.X)\n",
		},
		"a group that empties goes": {
			"package p\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/b\"\n\n\tc \"example.com/x\"\n)\n\nvar _ = fmt.Sprint(c.X)\n",
			"package p\n\nimport (\n\t\"fmt\"\n\n\tc \"example.com/x\"\n)\n\nvar _ = fmt.Sprint(c.X)\n",
		},
		"all go": {
			"// Package p is documented.\npackage p\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\n// X is documented.\nvar X int // and remarked\n",
			"// Package p is documented.\npackage p\n\n// X is documented.\nvar X int // and remarked\n",
		},
		"a single one goes": {
			"package p\n\nimport \"os\"\n\nfunc f() {}\n",
			"package p\n\nfunc f() {}\n",
		},
		"one of several declarations": {
			"package p\n\nimport \"os\"\nimport \"fmt\"\n\nvar _ = fmt.Sprint()\n",
			"package p\n\nimport \"fmt\"\n\nvar _ = fmt.Sprint()\n",
		},
		"comments stay": {
			"package p\n\nimport (\n\t\"os\" // gone\n\t\"fmt\" // stays\n)\n\n// f is documented.\nfunc f() {\n\t// inside\n\tfmt.Print() // at the end\n}\n\n// The last one.\n",
			"package p\n\nimport (\n\t\"fmt\" // stays\n)\n\n// f is documented.\nfunc f() {\n\t// inside\n\tfmt.Print() // at the end\n}\n\n// The last one.\n",
		},
		"blank and dot stay": {
			"package p\n\nimport (\n\t_ \"embed\"\n\t. \"strings\"\n)\n",
			"package p\n\nimport (\n\t_ \"embed\"\n\t. \"strings\"\n)\n",
		},
		"a major version is no name": {
			"package p\n\nimport (\n\t\"example.com/yaml/v3\"\n\t\"gopkg.in/toml.v2\"\n\t\"example.com/gone/v2\"\n)\n\nvar _ = yaml.X + toml.Y\n",
			"package p\n\nimport (\n\t\"example.com/yaml/v3\"\n\t\"gopkg.in/toml.v2\"\n)\n\nvar _ = yaml.X + toml.Y\n",
		},
		"a type is a use": {
			"package p\n\nimport (\n\t\"context\"\n\t\"io\"\n)\n\ntype T[C io.Reader] struct {\n\tcontext.Context\n\tf map[io.Reader]C\n}\n",
			"package p\n\nimport (\n\t\"context\"\n\t\"io\"\n)\n\ntype T[C io.Reader] struct {\n\tcontext.Context\n\tf map[io.Reader]C\n}\n",
		},
		"numbers are written as gofmt does": {
			"package p\n\nconst X = 0XABp1 + 1E3 + 0b1\n",
			"package p\n\nconst X = 0xABp1 + 1e3 + 0b1\n",
		},
		"a file of nothing": {"package p", "package p\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := gofmt([]byte(tt.src))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
			checkAsGofmt(t, got)
		})
	}
}

func checkAsGofmt(t *testing.T, got []byte) {
	t.Helper()
	want, err := format.Source(got)
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if string(got) != string(want) {
		t.Errorf("not as gofmt has it. got:\n%s\nwant:\n%s", got, want)
	}
}

func TestGofmtRefuses(t *testing.T) {
	if _, err := gofmt([]byte("package p\nfunc {")); err == nil {
		t.Error("what is not Go is taken")
	}
}

// TestGofmtKeepsGo takes files of the standard library as they are: each uses what it imports.
func TestGofmtKeepsGo(t *testing.T) {
	dir := filepath.Join(goRoot(t), "src")
	for _, pattern := range []string{"net/http/*.go", "go/printer/*.go", "os/*.go"} {
		names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := gofmt(src)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := format.Source(src); err != nil || string(got) != string(want) {
				t.Errorf("%s is changed: %v", name, err)
			}
		}
	}
}

// FuzzGofmt checks that no program takes gofmt down, and that one whose imports are used comes out as from gofmt.
func FuzzGofmt(f *testing.F) {
	f.Add("package p\nimport (\n\"a\"\n\n\"b\" // c\n)\n// d\nvar _ = a.X")
	f.Add("package p\nimport \"a\"; import (\"b\"; c \"d\")\nvar _ = b.X")
	f.Add("// x\npackage p // y\n\nimport (\n\t// doc\n\t\"a\" // remark\n\t/* z */ \"b\"\n)\n")
	f.Add("package p\nimport (\"a\"\n\n\n\"b\")\nvar _ = a.X+b.X\n//line x:1\n")
	f.Add("package p;import \"\"")
	f.Fuzz(func(t *testing.T, src string) {
		file, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ParseComments)
		if err != nil {
			t.Skip("not Go")
		}
		got, err := gofmt([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		after, err := parser.ParseFile(token.NewFileSet(), "", got, 0)
		if err != nil {
			t.Fatalf("%v\n%s", err, got)
		}
		if len(after.Imports) == len(file.Imports) && len(after.Decls) == len(file.Decls) {
			if want, err := format.Source([]byte(src)); err == nil && strings.TrimSpace(string(got)) != strings.TrimSpace(string(want)) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
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

// TestFormattedLayers holds layers to what they say of themselves, with module paths of any length, and that sort before and
// after others.
func TestFormattedLayers(t *testing.T) {
	loaded, err := Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, l := range loaded {
		if err := l.parse(templates.FS); err != nil {
			t.Fatal(err)
		}
		for _, s := range l.templates {
			if !s.formatted || path.Ext(s.path) != ".go" {
				continue
			}
			seen++
			for _, module := range []string{"a", "example.com/shop", "github.com/svcgen/some/quite/long/path/v2", "zz.example/z"} {
				got, err := s.execute(nil, module)
				if err != nil {
					t.Fatal(err)
				}
				want, err := gofmt(got)
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s is not as gofmt leaves it for module %s:\n%s", s.name, module, diff.Diff("template", got, "gofmt", want))
					break
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("%d templates are formatted: has the check for them gone wrong?", seen)
	}
}
