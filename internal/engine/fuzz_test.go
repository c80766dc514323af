package engine

import (
	"bytes"
	"errors"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/tree"
)

// FuzzContract takes a contract, as a txtar archive or the source of one file, as far as it goes: to findings that say
// where, or to Go that parses and that go/types takes. Packages from outside the project are left out of the check.
func FuzzContract(f *testing.F) {
	for _, kind := range []string{"good", "bad"} {
		for _, name := range archives(f, kind) {
			const most = 8 << 10 // what takes long is mutated seldom
			if seed := txtar.Format(archive(f, name)); len(seed) < most {
				f.Add(seed)
			}
		}
	}
	f.Add([]byte("syntax = \"proto3\";\nmessage M {}\nservice S { rpc Get (M) returns (M); }\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		api := t.TempDir()
		files, ok := fuzzedFiles(input)
		if !ok || apply.Fill(api, files) != nil {
			t.Skip("not a set of files")
		}
		c, err := protoload.Load(t.Context(), protoload.Source{Dir: api, Roots: []string{"."}})
		if err == nil {
			var e *Emission
			if e, err = emitContract(t.Context(), c, "none", serving); err == nil {
				checkGo(t, e.Tree)
				return
			}
		}
		checkFindings(t, err)
	})
}

func fuzzedFiles(input []byte) (map[string][]byte, bool) {
	files := map[string][]byte{}
	a := txtar.Parse(input)
	if len(a.Files) == 0 {
		return map[string][]byte{"fuzz.proto": input}, true
	}
	for _, file := range a.Files {
		if tree.CheckPath(file.Name) != nil {
			return nil, false
		}
		files[file.Name] = file.Data
	}
	return files, true
}

func checkFindings(t *testing.T, err error) {
	t.Helper()
	var found diag.Set
	if !errors.As(err, &found) {
		t.Fatalf("not findings: %v", err)
	}
	for _, d := range found {
		if d.File == "" || d.Message == "" || d.Line == 0 && strings.HasSuffix(d.File, ".proto") {
			t.Errorf("a finding without a place or a message: %s: %s", d.Pos, d.Message)
		}
	}
}

// checkGo type-checks the packages that follow the contract.
func checkGo(t *testing.T, files *tree.Tree) {
	t.Helper()
	c := &checker{t: t, fset: token.NewFileSet(), sources: map[string][]*ast.File{}, packages: map[string]*types.Package{}}
	for _, f := range files.Files() {
		// What protoc-gen-go emits for the build tag protoopaque stands in for its other file.
		if !strings.HasSuffix(f.Path, ".go") || strings.HasPrefix(f.Path, "internal/platform/") || strings.HasSuffix(f.Path, "_protoopaque.pb.go") {
			continue
		}
		file, err := parser.ParseFile(c.fset, f.Path, f.Content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%v\n%s", err, f.Content)
			continue
		}
		if formatted, err := format.Source(f.Content); err != nil || !protoload.IsStub(f.Template) && !bytes.Equal(formatted, f.Content) {
			t.Errorf("%s is not as gofmt has it: %v\n%s", f.Path, err, f.Content)
		}
		importPath := path.Join(contractModule, path.Dir(f.Path))
		c.sources[importPath] = append(c.sources[importPath], file)
	}
	for _, importPath := range slices.Sorted(maps.Keys(c.sources)) {
		if _, err := c.Import(importPath); err != nil {
			t.Error(err)
		}
	}
}

// checker imports what was emitted, and nothing else.
type checker struct {
	t        *testing.T
	fset     *token.FileSet
	sources  map[string][]*ast.File
	packages map[string]*types.Package
}

var errOutside = errors.New("outside of what is checked")

// Import makes go/types treat what is from outside as unknown: it reports nothing that depends on it.
func (c *checker) Import(importPath string) (*types.Package, error) {
	if p, ok := c.packages[importPath]; ok {
		return p, nil
	}
	files, ok := c.sources[importPath]
	if !ok {
		return nil, errOutside
	}
	config := types.Config{Importer: c, Error: func(err error) {
		const unknownNumber = "invalid operation: x == 0 (mismatched types case_" // a type from outside that is compared
		if !strings.Contains(err.Error(), errOutside.Error()) && !strings.Contains(err.Error(), unknownNumber) {
			c.t.Error(err)
		}
	}}
	p, _ := config.Check(importPath, c.fset, files, nil)
	c.packages[importPath] = p
	return p, nil
}
