// Package godecl brings a Go file that its owner has edited up to date, declaration by declaration. It works on positions
// and splices bytes, so that all it doesn't mean to change stays as it is. It is pure, and needs no file that type-checks.
package godecl

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// file is a parsed source with its top-level declarations.
type file struct {
	src     []byte
	fset    *token.FileSet
	ast     *ast.File
	decls   []*decl
	byKey   map[string]*decl
	imports map[string]string // name in the file by import path
}

// decl is one function, method, or type, variable or constant that is declared by itself.
type decl struct {
	key        string // "Catalog.GetProduct", "NewCatalog"
	start, end int    // with the doc comment, and the comment that ends its last line
	body       int    // where the part after the doc comment starts
	node       ast.Decl
}

func parse(src []byte) (*file, error) {
	fset := token.NewFileSet()
	node, err := parser.ParseFile(fset, "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &file{src: src, fset: fset, ast: node, byKey: map[string]*decl{}, imports: map[string]string{}}
	for _, spec := range node.Imports {
		path, name := importOf(spec)
		f.imports[path] = name
	}
	for _, d := range node.Decls {
		if key := keyOf(d); key != "" {
			one := &decl{key: key, node: d, body: f.offset(d.Pos()), end: f.lineEnd(d.End())}
			one.start = one.body
			if doc := docOf(d); doc != nil {
				one.start = f.offset(doc.Pos())
			}
			f.decls = append(f.decls, one)
		}
	}
	f.index()
	return f, nil
}

// index leaves out what is declared twice, as init and _ may be: such declarations belong to their owner.
func (f *file) index() {
	count := map[string]int{}
	for _, d := range f.decls {
		count[d.key]++
		f.byKey[d.key] = d
	}
	maps.DeleteFunc(f.byKey, func(key string, _ *decl) bool { return count[key] > 1 })
	f.decls = slices.DeleteFunc(f.decls, func(d *decl) bool { return count[d.key] > 1 })
}

func (f *file) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// lineEnd is the offset after a declaration: behind the comment that shares its last line, if there is one.
func (f *file) lineEnd(end token.Pos) int {
	line := f.fset.Position(end).Line
	for _, group := range f.ast.Comments {
		if group.Pos() >= end && f.fset.Position(group.Pos()).Line == line {
			return f.offset(group.List[0].End())
		}
	}
	return f.offset(end)
}

func (f *file) text(start, end int) string { return string(f.src[start:end]) }

func (f *file) nodeText(n ast.Node) string { return f.text(f.offset(n.Pos()), f.offset(n.End())) }

// keyOf names a declaration that can be compared by itself. Groups belong to their owner.
func keyOf(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return d.Name.Name
		}
		if len(d.Recv.List) == 1 {
			return receiver(d.Recv.List[0].Type) + "." + d.Name.Name
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT || len(d.Specs) != 1 {
			return ""
		}
		switch s := d.Specs[0].(type) {
		case *ast.TypeSpec:
			return s.Name.Name
		case *ast.ValueSpec:
			if len(s.Names) == 1 {
				return s.Names[0].Name
			}
		}
	}
	return ""
}

// receiver is the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func docOf(d ast.Decl) *ast.CommentGroup {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Doc
	case *ast.GenDecl:
		return d.Doc
	}
	return nil
}

// importOf returns an import's path and the name that the file uses for it.
func importOf(spec *ast.ImportSpec) (path, name string) {
	path, _ = strconv.Unquote(spec.Path.Value)
	if spec.Name != nil {
		return path, spec.Name.Name
	}
	elems := strings.Split(path, "/")
	name = elems[len(elems)-1]
	if len(elems) > 1 && len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = elems[len(elems)-2]
	}
	return path, name
}

// Same reports whether two Go texts are the same apart from white space: what a formatter may change is no edit.
func Same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return slices.Equal(tokens(a), tokens(b))
}

// tokens lists the tokens of src, comments included, without the semicolons that line ends imply and without commas before a closing bracket.
func tokens(src []byte) []string {
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", fset.Base(), len(src)), src, func(token.Position, string) {}, scanner.ScanComments)
	var list []string
	for {
		_, tok, lit := s.Scan()
		switch {
		case tok == token.EOF:
			return list
		case tok == token.SEMICOLON && lit == "\n":
		case tok == token.COMMENT:
			list = append(list, strings.Join(strings.Fields(lit), " "))
		case lit != "":
			list = append(list, lit)
		default:
			if n := len(list); n > 0 && list[n-1] == "," && (tok == token.RPAREN || tok == token.RBRACE || tok == token.RBRACK) {
				list = list[:n-1]
			}
			list = append(list, tok.String())
		}
	}
}
