package merge

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
)

// readsGo reports what keeps a Go file from being compiled and can be seen in the file alone: its syntax, and what it
// declares or imports twice.
func readsGo(content []byte) error {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "", content, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	once := func(at token.Pos, name, what string) error {
		if seen[what+name] {
			return fmt.Errorf("%d: %s is %s twice", files.Position(at).Line, name, what)
		}
		seen[what+name] = true
		return nil
	}
	for _, spec := range f.Imports {
		if name := importName(spec); name != "" {
			if err := once(spec.Pos(), name, "imported"); err != nil {
				return err
			}
		}
	}
	for _, d := range f.Decls {
		for _, id := range declared(d) {
			if err := once(id.at, id.name, "declared"); err != nil {
				return err
			}
		}
	}
	return nil
}

var major = regexp.MustCompile(`^v[0-9]+$`)

// importName is the name that an import declares, as far as its path tells, or "".
func importName(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	switch {
	case err != nil, p == "C":
		return ""
	case spec.Name == nil && major.MatchString(path.Base(p)):
		return path.Base(path.Dir(p))
	case spec.Name == nil:
		return path.Base(p)
	case spec.Name.Name == "_", spec.Name.Name == ".":
		return ""
	}
	return spec.Name.Name
}

// named is something that a declaration declares.
type named struct {
	name string
	at   token.Pos
}

// declared lists what may be in a package once: "Get", "Catalog.Get". Any number of init and _ may.
func declared(d ast.Decl) []named {
	var list []named
	add := func(of string, id *ast.Ident) {
		if id.Name != "_" {
			list = append(list, named{of + id.Name, id.Pos()})
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.Name != "init" {
			add("", d.Name)
		} else if d.Recv != nil && len(d.Recv.List) == 1 {
			add(typeName(d.Recv.List[0].Type)+".", d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				add("", spec.Name)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					add("", id)
				}
			}
		}
	}
	return list
}

// typeName is the name in a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ParenExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
