package godecl

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// nameOf is what Disk calls an import; with want it will have it, under a name that is free.
func (s *syncer) nameOf(p, name string, want bool) string {
	if have, ok := s.disk.imports[p]; ok {
		return have
	}
	if have, ok := s.disk.imports[s.movedImports[p]]; ok {
		return have
	}
	if have, ok := s.wanted[p]; ok || !want {
		return max(have, map[bool]string{false: name}[ok])
	}
	free := name
	for i := 2; s.taken(free); i++ {
		free = fmt.Sprint(name, i)
	}
	s.wanted[p] = free
	return free
}

// taken reports whether a name means something in all of Disk.
func (s *syncer) taken(name string) bool {
	return s.disk.paths[name] != "" || s.Declared(name) || slices.Contains(slices.Collect(maps.Values(s.wanted)), name)
}

// moveImports has imports follow that are of another path now, under the same name.
func (s *syncer) moveImports() {
	s.movedImports = map[string]string{}
	was, is := importsOf(s.Base), importsOf(s.New)
	for p, name := range is {
		if _, old := was[p]; old {
			continue
		}
		for from, other := range was {
			if _, stays := is[from]; !stays && other == name {
				s.movedImports[p] = from
			}
		}
	}
	for p, from := range s.movedImports {
		for _, spec := range s.disk.ast.Imports {
			if have, _ := importOf(spec); have == from && s.disk.imports[p] == "" {
				s.edits.add(s.disk.offset(spec.Path.Pos()), s.disk.offset(spec.Path.End()), fmt.Sprintf("%q", p))
			}
		}
	}
}

func importsOf(files []*File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		maps.Copy(out, f.imports)
	}
	return out
}

// imports are the edits of a file that add what spliced text needs, and remove svc's own imports that it no longer uses.
func (s *syncer) imports(after *File) edits {
	b := &importBlock{File: after, grows: map[ast.Node]bool{}}
	used, before := usedNames(after.ast), usedNames(s.disk.ast)
	for _, p := range slices.Sorted(maps.Keys(s.wanted)) {
		if name := s.wanted[p]; used[name] && after.imports[p] == "" {
			b.add(p, name)
		}
	}
	ours := importsOf(s.Base)
	maps.Copy(ours, importsOf(s.New))
	for _, spec := range after.ast.Imports {
		p, name := importOf(spec)
		if _, svc := ours[p]; svc && !used[name] && before[name] && name != "_" && name != "." {
			b.drop = append(b.drop, spec)
		}
	}
	b.dropAll()
	return b.edits
}

func usedNames(f *ast.File) map[string]bool {
	used := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if name, ok := variable(n); ok {
			used[name] = true
		}
		return true
	})
	return used
}

// importBlock collects edits of a file's imports.
type importBlock struct {
	*File
	edits edits
	drop  []*ast.ImportSpec
	grows map[ast.Node]bool // blocks, by their first import, and declarations that get another
}

// add puts an import into the block of the one whose path is most like it, where it sorts.
func (b *importBlock) add(p, name string) {
	line := fmt.Sprintf("%q", p)
	if name != path.Base(p) {
		line = name + " " + line
	}
	var best *ast.ImportSpec
	for _, spec := range b.ast.Imports {
		if spec.Path.Value != `"C"` && (best == nil || likeness(spec, p) > likeness(best, p)) {
			best = spec
		}
	}
	switch {
	case best == nil:
		at := b.lineEnd(b.ast.Name.End())
		b.edits.add(at, at, "\n\nimport "+line)
	case !b.group(best).Lparen.IsValid():
		at := b.lineEnd(best.End())
		b.edits.add(at, at, "\nimport "+line)
	default:
		b.grows[b.block(best)[0]], b.grows[b.group(best)] = true, true
		b.insert(b.block(best), p, line)
	}
}

// block lists the imports that stand with spec, in one declaration, without an empty line between them.
func (b *importBlock) block(spec *ast.ImportSpec) []*ast.ImportSpec {
	all := b.ast.Imports
	near := func(i int) bool {
		return b.line(all[i].Pos()) == b.line(all[i-1].End())+1 && b.group(all[i]) == b.group(all[i-1])
	}
	first := slices.Index(all, spec)
	last := first
	for first > 0 && near(first) {
		first--
	}
	for last+1 < len(all) && near(last+1) {
		last++
	}
	return all[first : last+1]
}

func (b *importBlock) insert(block []*ast.ImportSpec, p, line string) {
	for _, spec := range slices.Backward(block) {
		if other, _ := importOf(spec); other < p {
			at := b.lineEnd(spec.End())
			b.edits.add(at, at, "\n\t"+line)
			return
		}
	}
	at := b.offset(block[0].Pos())
	if block[0].Doc != nil {
		at = b.offset(block[0].Doc.Pos())
	}
	b.edits.add(at, at, line+"\n\t")
}

// likeness is how much an import is like one of a path: both of the standard library or neither, then the common beginning.
func likeness(spec *ast.ImportSpec, p string) int {
	other, _ := importOf(spec)
	n := 0
	for n < len(other) && n < len(p) && other[n] == p[n] {
		n++
	}
	if strings.Contains(strings.SplitN(other, "/", 2)[0], ".") == strings.Contains(strings.SplitN(p, "/", 2)[0], ".") {
		n += 1000
	}
	return n
}

// group is the declaration that an import stands in.
func (b *importBlock) group(spec *ast.ImportSpec) *ast.GenDecl {
	for _, d := range b.ast.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Pos() <= spec.Pos() && spec.End() <= g.End() {
			return g
		}
	}
	return &ast.GenDecl{}
}

// dropAll removes imports with their lines, and what would be left empty round them.
func (b *importBlock) dropAll() {
	for _, d := range b.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			continue
		}
		if all := specs(g); len(all) > 0 && !slices.ContainsFunc(all, b.stays) && !b.grows[g] {
			b.cut(g.Pos(), g.End(), g.Doc)
			continue
		}
		b.dropFrom(specs(g))
	}
}

// dropFrom removes whole blocks at once, and from others line by line.
func (b *importBlock) dropFrom(list []*ast.ImportSpec) {
	for i := 0; i < len(list); {
		run := i
		for run < len(list) && !slices.ContainsFunc(b.block(list[run]), b.stays) {
			run += len(b.block(list[run])) // of a block's first line, so that this is the next block's
		}
		if run > i {
			b.cut(list[i].Pos(), list[run-1].End(), list[i].Doc)
			i = run
			continue
		}
		for _, spec := range b.block(list[i]) {
			if !b.stays(spec) {
				b.cutLine(spec)
			}
			i++
		}
	}
}

func (b *importBlock) stays(spec *ast.ImportSpec) bool {
	return !slices.Contains(b.drop, spec) || b.grows[b.block(spec)[0]]
}

func specs(g *ast.GenDecl) []*ast.ImportSpec {
	var list []*ast.ImportSpec
	for _, spec := range g.Specs {
		if i, ok := spec.(*ast.ImportSpec); ok {
			list = append(list, i)
		}
	}
	return list
}

// cut removes a whole block or declaration with the white space before it, or after it where it is the first in brackets.
func (b *importBlock) cut(from, to token.Pos, doc *ast.CommentGroup) {
	start, end := b.offset(from), b.lineEnd(to)
	if doc != nil {
		start = b.offset(doc.Pos())
	}
	before := strings.TrimRight(b.text(0, start), " \t\r\n")
	if !strings.HasSuffix(before, "(") {
		b.edits.add(len(before), end, "")
		return
	}
	after := b.text(end, len(b.src))
	space := after[:len(after)-len(strings.TrimLeft(after, " \t\r\n"))]
	b.edits.add(len(before), end+max(0, strings.LastIndex(strings.ReplaceAll(space, "\r\n", " \n"), "\n")), "")
}

// cutLine removes one import's line.
func (b *importBlock) cutLine(spec *ast.ImportSpec) {
	start, end := b.offset(spec.Pos()), b.lineEnd(spec.End())
	if spec.Doc != nil {
		start = b.offset(spec.Doc.Pos())
	}
	for start > 0 && (b.src[start-1] == ' ' || b.src[start-1] == '\t') {
		start--
	}
	if start > 0 && b.src[start-1] == '\n' {
		start--
		if start > 0 && b.src[start-1] == '\r' {
			start--
		}
	}
	b.edits.add(start, end, "")
}
