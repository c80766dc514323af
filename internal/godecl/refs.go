package godecl

import (
	"bytes"
	"go/ast"
	"slices"
)

// Untouched reports whether a file has a declaration as base has it, apart from names that its owner may give freely.
func (c *Change) Untouched(disk *File, key string) bool {
	s := &syncer{Change: c, disk: disk, wanted: map[string]string{}}
	d := disk.byKey[c.own(key)]
	for _, f := range c.Base {
		if b := f.byKey[key]; b != nil && d != nil {
			return s.untouched(b, d)
		}
	}
	return false
}

// Own is what the package's owner calls a declaration of svc's: a method of another type, or the same.
func (c *Change) Own(key string) string { return c.own(key) }

// Mentions lists the declarations that use a name of the package, by key; "" stands for groups.
func (f *File) Mentions(name string) []string {
	var keys []string
	for _, d := range f.ast.Decls {
		if !mentions(d, name) {
			continue
		}
		key := keyOf(d)
		if key != name && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func mentions(d ast.Node, name string) bool {
	found := false
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			found = found || mentions(n.X, name)
			return false
		case *ast.FuncDecl:
			if n.Recv != nil && n.Name.Name == name {
				found = found || mentions(n.Recv, name) || mentions(n.Type, name) || n.Body != nil && mentions(n.Body, name)
				return false
			}
		case *ast.Ident:
			found = found || n.Name == name
		}
		return !found
	})
	return found
}

// Uses lists the names among candidates that a declaration uses, its receiver's type included.
func (f *File) Uses(key string, candidates []string) []string {
	d := f.byKey[key]
	if d == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(candidates), func(name string) bool { return name == key || !mentions(d.node, name) })
}

// Returns is the name of the type that a function of the file returns first, or "".
func (f *File) Returns(function string) string {
	d := f.byKey[function]
	if d == nil {
		return ""
	}
	fn, ok := d.node.(*ast.FuncDecl)
	if !ok || fn.Type.Results == nil || len(fn.Type.Results.List) == 0 {
		return ""
	}
	if id := TypeName(fn.Type.Results.List[0].Type); id != nil {
		return id.Name
	}
	return ""
}

// CanHaveMethods reports whether the file declares a type that methods can be added to as svc writes them: none that is
// generic, or an interface.
func (f *File) CanHaveMethods(name string) bool {
	d := f.byKey[name]
	group := f.grouped[name]
	if d != nil {
		group, _ = d.node.(*ast.GenDecl)
	}
	if group == nil {
		return false
	}
	for _, spec := range group.Specs {
		if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == name {
			_, iface := t.Type.(*ast.InterfaceType)
			return !iface && (t.TypeParams == nil || f.hasMethods(name))
		}
	}
	return false
}

func (f *File) hasMethods(name string) bool {
	return slices.ContainsFunc(f.decls, func(d *decl) bool {
		fn, ok := d.node.(*ast.FuncDecl)
		return ok && receiver(fn) != nil && receiver(fn).Name == name
	})
}

// Without returns the file without some of its declarations, and without the imports that only they used.
func (f *File) Without(keys []string) []byte {
	base := &Change{Base: []*File{f}, New: []*File{f}, Keep: func(string) string { return "" }, Declared: f.Declares}
	s := &syncer{Change: base, disk: f, wanted: map[string]string{}}
	for _, key := range keys {
		if d := f.byKey[key]; d != nil {
			s.edits.add(s.gap(d), d.end, "")
		}
	}
	return s.output().Content
}

// Contains reports whether a name stands anywhere in the file.
func (f *File) Contains(name string) bool { return bytes.Contains(f.src, []byte(name)) }

// Text is a declaration with its comments, or "".
func (f *File) Text(key string) string {
	if d := f.byKey[key]; d != nil {
		return d.text()
	}
	return ""
}
