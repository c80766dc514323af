// Package godecl brings a Go file that its owner has edited up to date, declaration by declaration. It works on positions
// and splices bytes, so that all it doesn't mean to change stays as it is. It is pure, and needs no file that type-checks.
package godecl

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// File is a parsed source with its top-level declarations.
type File struct {
	src     []byte
	file    *token.File
	ast     *ast.File
	decls   []*decl
	byKey   map[string]*decl
	twice   map[string]bool
	grouped map[string]*ast.GenDecl // what is declared together with something else
	imports map[string]string       // name in the file by import path
	paths   map[string]string       // and the other way round
}

// decl is one function, method, or type, variable or constant that is declared by itself.
type decl struct {
	key        string // "Catalog.GetProduct", "NewCatalog"
	start, end int    // with the doc comment, and the comment that ends its last line
	body       int    // where the part after the doc comment starts
	node       ast.Decl
	in         *File
}

// Parse reads a file; name is what errors call it.
func Parse(name string, src []byte) (*File, error) {
	return parse(name, src, parser.ParseComments|parser.SkipObjectResolution)
}

func parse(name string, src []byte, mode parser.Mode) (*File, error) {
	fset := token.NewFileSet()
	node, err := parser.ParseFile(fset, name, src, mode)
	if err != nil {
		return nil, err
	}
	f := &File{
		src: src, file: fset.File(node.FileStart), ast: node,
		byKey: map[string]*decl{}, twice: map[string]bool{}, grouped: map[string]*ast.GenDecl{}, imports: map[string]string{}, paths: map[string]string{},
	}
	for _, spec := range node.Imports {
		if path, name := importOf(spec); name != "_" && name != "." {
			f.imports[path], f.paths[name] = name, path
		}
	}
	for _, d := range node.Decls {
		f.addDecl(d)
	}
	f.index()
	return f, nil
}

func (f *File) addDecl(d ast.Decl) {
	key := keyOf(d)
	if key == "" {
		f.addGroup(d)
		return
	}
	one := &decl{key: key, node: d, in: f, body: f.offset(d.Pos()), end: f.lineEnd(d.End())}
	one.start = one.body
	if doc := docOf(d); doc != nil {
		one.start = f.offset(doc.Pos())
	}
	f.decls = append(f.decls, one)
}

func (f *File) addGroup(d ast.Decl) {
	group, ok := d.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range group.Specs {
		for _, id := range namesOf(spec) {
			f.grouped[id.Name] = group
		}
	}
}

// index leaves out what is declared twice, as init and _ may be: such declarations belong to their owner.
func (f *File) index() {
	for _, d := range f.decls {
		f.twice[d.key] = f.byKey[d.key] != nil || f.grouped[d.key] != nil
		f.byKey[d.key] = d
	}
	maps.DeleteFunc(f.byKey, func(key string, _ *decl) bool { return f.twice[key] })
	f.decls = slices.DeleteFunc(f.decls, func(d *decl) bool { return f.twice[d.key] })
}

// PackageName is the name in the package clause.
func (f *File) PackageName() string { return f.ast.Name.Name }

// Foreign reports whether the file is of another package than its folder's: of external tests, or of a program that is
// run by itself.
func (f *File) Foreign() bool {
	name := f.PackageName()
	return strings.HasSuffix(name, "_test") || name == "main"
}

// Keys lists what the file declares by itself, in its order: "Catalog", "NewCatalog", "Catalog.Get".
func (f *File) Keys() []string {
	keys := make([]string, len(f.decls))
	for i, d := range f.decls {
		keys[i] = d.key
	}
	return keys
}

// Declares reports whether the file declares something, in a group or more than once, too.
func (f *File) Declares(key string) bool {
	_, twice := f.twice[key]
	return f.byKey[key] != nil || f.grouped[key] != nil || twice
}

// Empty reports whether a file holds nothing more than its package clause, imports, and comments that other has, too.
func (f *File) Empty(other *File) bool {
	for _, d := range f.ast.Decls {
		if g, ok := d.(*ast.GenDecl); !ok || g.Tok != token.IMPORT {
			return false
		}
	}
	known := map[string]bool{}
	for _, c := range other.ast.Comments {
		known[c.Text()] = true
	}
	return !slices.ContainsFunc(f.ast.Comments, func(c *ast.CommentGroup) bool { return !known[c.Text()] })
}

func (f *File) offset(p token.Pos) int { return f.file.Offset(p) }

func (f *File) line(p token.Pos) int { return f.file.PositionFor(p, false).Line }

// lineEnd is the offset after a declaration: behind the comment that shares its last line, if there is one.
func (f *File) lineEnd(end token.Pos) int {
	i, _ := slices.BinarySearchFunc(f.ast.Comments, end, func(c *ast.CommentGroup, p token.Pos) int { return int(c.Pos() - p) })
	if i < len(f.ast.Comments) && f.line(f.ast.Comments[i].Pos()) == f.line(end) {
		return f.commentEnd(f.ast.Comments[i].List[0])
	}
	return f.offset(end)
}

// commentEnd is the offset after a comment. The parser takes carriage returns out of its text, so that its end is not in it.
func (f *File) commentEnd(c *ast.Comment) int {
	start := f.offset(c.Pos())
	if strings.HasPrefix(c.Text, "/*") {
		return start + 2 + bytes.Index(f.src[start+2:], []byte("*/")) + 2
	}
	return start + len(c.Text)
}

func (f *File) text(start, end int) string { return string(f.src[start:end]) }

func (f *File) nodeText(n ast.Node) string { return f.text(f.offset(n.Pos()), f.offset(n.End())) }

func (d *decl) text() string { return d.in.text(d.start, d.end) }

// keyOf names a declaration that can be compared by itself.
func keyOf(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return d.Name.Name
		}
		if id := receiver(d); id != nil {
			return id.Name + "." + d.Name.Name
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT || len(d.Specs) != 1 {
			return ""
		}
		if names := namesOf(d.Specs[0]); len(names) == 1 && !d.Lparen.IsValid() {
			return names[0].Name
		}
	}
	return ""
}

// namesOf lists what a type, variable or constant specification declares.
func namesOf(spec ast.Spec) []*ast.Ident {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{s.Name}
	case *ast.ValueSpec:
		return s.Names
	}
	return nil
}

// receiver is the name of the type that a method is of.
func receiver(fn *ast.FuncDecl) *ast.Ident {
	if fn.Recv == nil || len(fn.Recv.List) != 1 {
		return nil
	}
	return TypeName(fn.Recv.List[0].Type)
}

// TypeName returns the name in the type of a receiver: T of *T, (T) or T[P]; nil when there is none.
func TypeName(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.StarExpr:
		return TypeName(e.X)
	case *ast.ParenExpr:
		return TypeName(e.X)
	case *ast.IndexExpr:
		return TypeName(e.X)
	case *ast.IndexListExpr:
		return TypeName(e.X)
	case *ast.Ident:
		return e
	}
	return nil
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
