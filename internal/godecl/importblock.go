package godecl

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// importBlock collects edits of a file's imports.
type importBlock struct {
	*File
	edits edits
	drop  []*ast.ImportSpec
}

// importLine is an import as it stands in brackets.
func importLine(p, name string) string {
	if name == path.Base(p) {
		return fmt.Sprintf("%q", p)
	}
	return fmt.Sprintf("%s %q", name, p)
}

// addAll adds imports, lines by path, in the blocks that they stand in in the files that svc emits.
func (b *importBlock) addAll(lines map[string]string, like []*File) {
	var fresh []string // blocks of a file that imports nothing
	for _, f := range like {
		layout := (&importBlock{File: f}).layout()
		for i, paths := range layout {
			mine := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return lines[p] == "" })
			if len(mine) == 0 {
				continue
			}
			if mate := lastOf(b.of(paths)); mate != nil {
				b.insertAll(mate, mine, lines)
			} else if block := join(mine, lines); !b.newBlock(layout, i, block) {
				fresh = append(fresh, strings.ReplaceAll(block, "\n", "\n\t"))
			}
			for _, p := range mine {
				delete(lines, p)
			}
		}
	}
	if len(fresh) > 0 {
		at := b.lineEnd(b.ast.Name.End())
		b.edits.add(at, at, "\n\nimport (\n\t"+strings.Join(fresh, "\n\n\t")+"\n)")
	}
}

func join(paths []string, lines map[string]string) string {
	var list []string
	for _, p := range paths {
		list = append(list, lines[p])
	}
	return strings.Join(list, "\n")
}

// layout lists the paths of each block.
func (b *importBlock) layout() [][]string {
	var all [][]string
	for i := 0; i < len(b.ast.Imports); {
		var paths []string
		for _, spec := range b.block(b.ast.Imports[i]) {
			p, _ := importOf(spec)
			paths = append(paths, p)
			i++
		}
		all = append(all, paths)
	}
	return all
}

// stays reports whether an import is not dropped.
func (b *importBlock) stays(spec *ast.ImportSpec) bool { return !slices.Contains(b.drop, spec) }

// of lists the imports of some paths that stay.
func (b *importBlock) of(paths []string) []*ast.ImportSpec {
	return b.staying(slices.DeleteFunc(slices.Clone(b.ast.Imports), func(spec *ast.ImportSpec) bool {
		p, _ := importOf(spec)
		return !slices.Contains(paths, p)
	}))
}

func (b *importBlock) staying(list []*ast.ImportSpec) []*ast.ImportSpec {
	return slices.DeleteFunc(slices.Clone(list), func(spec *ast.ImportSpec) bool { return !b.stays(spec) || spec.Path.Value == `"C"` })
}

func lastOf(list []*ast.ImportSpec) *ast.ImportSpec {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

func firstOf(list []*ast.ImportSpec) *ast.ImportSpec {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// insertAll puts imports into the block of another one.
func (b *importBlock) insertAll(mate *ast.ImportSpec, paths []string, lines map[string]string) {
	if !b.group(mate).Lparen.IsValid() {
		at := b.lineEnd(mate.End())
		b.edits.add(at, at, "\nimport "+strings.ReplaceAll(join(paths, lines), "\n", "\nimport "))
		return
	}
	for _, p := range paths {
		b.insert(b.staying(b.block(mate)), p, lines[p])
	}
}

// newBlock adds a block after one that precedes it in a layout, or before one that follows it there. Where the file has
// none of these, the standard library comes first.
func (b *importBlock) newBlock(layout [][]string, i int, block string) bool {
	before := lastOf(b.of(slices.Concat(layout[:i]...)))
	after := firstOf(b.of(slices.Concat(layout[i+1:]...)))
	if before == nil && after == nil {
		before, after = b.edges(layout[i][0])
	}
	switch anchor := cmp.Or(before, after); {
	case anchor == nil:
		return false
	case !b.group(anchor).Lparen.IsValid():
		at := b.lineEnd(anchor.End())
		b.edits.add(at, at, "\nimport "+strings.ReplaceAll(block, "\n", "\nimport "))
	case before != nil:
		at := b.lineEnd(lastOf(b.staying(b.block(anchor))).End())
		b.edits.add(at, at, "\n\n\t"+strings.ReplaceAll(block, "\n", "\n\t"))
	default:
		at := b.start(firstOf(b.staying(b.block(anchor))))
		b.edits.add(at, at, strings.ReplaceAll(block, "\n", "\n\t")+"\n\n\t")
	}
	return true
}

// edges is the import that a block of a path goes after, or before, in a file that has nothing like it.
func (b *importBlock) edges(p string) (before, after *ast.ImportSpec) {
	list := b.staying(b.ast.Imports)
	if standard(p) {
		return nil, firstOf(list)
	}
	return lastOf(list), nil
}

func standard(p string) bool { return !strings.Contains(strings.SplitN(p, "/", 2)[0], ".") }

// start is where an import starts, with its comment.
func (b *importBlock) start(spec *ast.ImportSpec) int {
	if spec.Doc != nil {
		return b.offset(spec.Doc.Pos())
	}
	return b.offset(spec.Pos())
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
	at := b.start(block[0])
	b.edits.add(at, at, line+"\n\t")
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

// commented reports whether a comment lies before an import, after the one before it, or on its line. svc emits none: it is
// the owner's.
func (b *importBlock) commented(spec *ast.ImportSpec) bool {
	for _, d := range b.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Pos() > spec.Pos() || g.End() < spec.End() {
			continue
		}
		start, end := b.offset(g.Pos()), b.lineEnd(spec.End())
		if g.Doc != nil {
			start = b.offset(g.Doc.Pos())
		}
		list := specs(g)
		if i := slices.Index(list, spec); i > 0 {
			start = b.lineEnd(list[i-1].End())
		}
		if spec == list[len(list)-1] {
			end = b.lineEnd(g.End())
		}
		return slices.ContainsFunc(b.ast.Comments, func(c *ast.CommentGroup) bool {
			return b.offset(c.Pos()) >= start && b.offset(c.Pos()) < end
		})
	}
	return false
}

// blank makes an import that nothing uses one that may stay, with the owner's comment.
func (b *importBlock) blank(spec *ast.ImportSpec) {
	b.edits.add(b.offset(spec.Pos()), b.offset(spec.Path.Pos()), "_ ")
}

// dropAll removes imports with their lines, and what would be left empty round them.
func (b *importBlock) dropAll() {
	for _, d := range b.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			continue
		}
		if all := specs(g); len(all) > 0 && !slices.ContainsFunc(all, b.stays) {
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
	last := max(0, strings.LastIndexByte(space, '\n'))
	if last > 0 && space[last-1] == '\r' {
		last--
	}
	b.edits.add(len(before), end+last, "")
}

// cutLine removes one import's line.
func (b *importBlock) cutLine(spec *ast.ImportSpec) {
	start, end := b.start(spec), b.lineEnd(spec.End())
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
