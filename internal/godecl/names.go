package godecl

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
)

// Rename gives declarations of the package other names, in one of its files: where they are declared, and where they
// are used. What has the same name and is something else (a field, a method, a local variable) keeps it.
func Rename(src []byte, names map[string]string) (content []byte, notes []Note, err error) {
	fset := token.NewFileSet()
	node, err := parser.ParseFile(fset, "", src, parser.ParseComments) // with objects: they tell local names apart
	if err != nil {
		return nil, nil, err
	}
	r := &renamer{file: fset.File(node.FileStart), names: names, local: map[any]bool{}}
	for _, d := range node.Decls {
		r.declaration(d)
	}
	if len(r.edits) == 0 {
		return src, r.notes, nil
	}
	content = []byte(tidyAll(string(src), string(r.edits.apply(src))))
	return content, r.notes, nil
}

// renamer collects the identifiers of a file that mean declarations of the package.
type renamer struct {
	file  *token.File
	names map[string]string
	edits edits
	notes []Note
	local map[any]bool // what stands in a declaration for something else, by its object or name
}

func (r *renamer) declaration(d ast.Decl) {
	uses := r.uses(d)
	hidden := r.hidden(d)
	told := map[string]bool{}
	for _, id := range uses {
		to := r.names[id.Name]
		if !hidden[to] {
			r.edits.add(r.file.Offset(id.Pos()), r.file.Offset(id.End()), to)
		} else if !told[to] {
			told[to] = true
			r.note(id, "%s is now called %s, which is a local name here: rename one of them", id.Name, to)
		}
	}
}

func (r *renamer) note(n ast.Node, format string, args ...any) {
	r.notes = append(r.notes, Note{Line: r.file.PositionFor(n.Pos(), false).Line, Text: fmt.Sprintf(format, args...)})
}

// uses lists the identifiers that mean a declaration of the package which gets another name.
func (r *renamer) uses(d ast.Decl) []*ast.Ident {
	other := notOfPackage(d)
	var list []*ast.Ident
	told := map[string]bool{}
	ast.Inspect(d, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		switch {
		case !ok || r.names[id.Name] == "" || other[id]:
		case !isLocal(id, d):
			list = append(list, id)
		case !told[id.Name]:
			told[id.Name] = true
			r.note(id, "a local %s is not the package's, which is now called %s: check that it should be", id.Name, r.names[id.Name])
		}
		return true
	})
	r.embedded(d)
	return list
}

// embedded reports fields that are called as the type that they embed: who uses them is not known without types.
func (r *renamer) embedded(d ast.Decl) {
	ast.Inspect(d, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			if id := TypeName(field.Type); len(field.Names) == 0 && id != nil && r.names[id.Name] != "" {
				r.note(id, "the embedded %s is now called %s: check where it is used as a field", id.Name, r.names[id.Name])
			}
		}
		return true
	})
}

// hidden are new names that mean something else somewhere in a declaration.
func (r *renamer) hidden(d ast.Decl) map[string]bool {
	other := notOfPackage(d)
	targets, hidden := map[string]bool{}, map[string]bool{}
	for _, to := range r.names {
		targets[to] = true
	}
	ast.Inspect(d, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && targets[id.Name] && !other[id] && isLocal(id, d) {
			hidden[id.Name] = true
		}
		return true
	})
	return hidden
}

// isLocal reports whether an identifier means what is declared within a declaration, and not that itself.
func isLocal(id *ast.Ident, d ast.Decl) bool {
	if id.Obj == nil {
		return false
	}
	at := id.Obj.Pos()
	if at < d.Pos() || at > d.End() {
		return false
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		return at != d.Name.Pos()
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			for _, name := range namesOf(spec) {
				if name.Pos() == at {
					return false
				}
			}
		}
	}
	return true
}

// notOfPackage are identifiers that no scope explains: selected names, fields, keys of composite literals, methods, labels.
func notOfPackage(d ast.Decl) map[*ast.Ident]bool {
	other := map[*ast.Ident]bool{}
	add := func(e ast.Node) {
		if id, ok := e.(*ast.Ident); ok && id != nil {
			other[id] = true
		}
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			add(n.Sel)
		case *ast.KeyValueExpr:
			add(n.Key)
		case *ast.StructType:
			fieldNames(n.Fields, add)
		case *ast.InterfaceType:
			fieldNames(n.Methods, add)
		case *ast.BranchStmt:
			add(n.Label)
		case *ast.LabeledStmt:
			add(n.Label)
		case *ast.FuncDecl:
			if n.Recv != nil {
				add(n.Name)
			}
		}
		return true
	})
	return other
}

func fieldNames(list *ast.FieldList, add func(ast.Node)) {
	for _, field := range list.List {
		for _, name := range field.Names {
			add(name)
		}
	}
}
