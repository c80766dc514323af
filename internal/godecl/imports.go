package godecl

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// adopt returns a part of New with its package names as Disk has them, and makes sure that Disk imports them.
func (s *syncer) adopt(start, end int) string {
	byName := map[string]string{}
	for p, name := range s.next.imports {
		byName[name] = p
	}
	var own edits
	ast.Inspect(s.next.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if !ok || byName[id.Name] == "" || s.next.offset(id.Pos()) < start || s.next.offset(id.End()) > end {
			return true
		}
		p := byName[id.Name]
		if name, ok := s.disk.imports[p]; !ok {
			s.want(p)
		} else if name != id.Name {
			own.add(s.next.offset(id.Pos())-start, s.next.offset(id.End())-start, name)
		}
		return true
	})
	return string(own.apply([]byte(s.next.text(start, end))))
}

func (s *syncer) want(p string) {
	if !slices.Contains(s.wanted, p) {
		s.wanted = append(s.wanted, p)
	}
}

// syncImports adds what spliced text needs, and removes svc's own imports that nothing uses any more.
func (s *syncer) syncImports() {
	slices.Sort(s.wanted)
	for _, p := range s.wanted {
		s.addImport(p, s.next.imports[p])
	}
	after, err := parse(s.edits.apply(s.in.Disk))
	if err != nil {
		return // the caller reports a result that does not parse
	}
	used := usedNames(after.ast)
	for _, spec := range s.disk.ast.Imports {
		p, name := importOf(spec)
		if _, ours := s.base.imports[p]; ours && !used[name] && usedNames(s.disk.ast)[name] {
			s.dropImport(spec)
			s.dropped = true
		}
	}
}

func usedNames(f *ast.File) map[string]bool {
	used := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	return used
}

// addImport puts an import into the group of the one whose path is most like it, where it sorts.
func (s *syncer) addImport(p, name string) {
	line := fmt.Sprintf("%q", p)
	if name != path.Base(p) {
		line = name + " " + line
	}
	var best *ast.ImportSpec
	for _, spec := range s.disk.ast.Imports {
		if best == nil || likeness(spec, p) > likeness(best, p) {
			best = spec
		}
	}
	switch {
	case best == nil:
		at := s.disk.offset(s.disk.ast.Name.End())
		s.edits.add(at, at, "\n\nimport "+line)
	case !s.grouped(best):
		at := s.disk.lineEnd(best.End())
		s.edits.add(at, at, "\nimport "+line)
	default:
		s.insertImport(s.block(best), p, line)
	}
}

// block lists the imports that stand with spec without an empty line between them.
func (s *syncer) block(spec *ast.ImportSpec) []*ast.ImportSpec {
	all := s.disk.ast.Imports
	line := func(i int) int { return s.disk.fset.Position(all[i].Pos()).Line }
	first := slices.Index(all, spec)
	last := first
	for first > 0 && line(first-1) == line(first)-1 {
		first--
	}
	for last+1 < len(all) && line(last+1) == line(last)+1 {
		last++
	}
	return all[first : last+1]
}

func (s *syncer) insertImport(block []*ast.ImportSpec, p, line string) {
	for _, spec := range slices.Backward(block) {
		if other, _ := importOf(spec); other < p {
			at := s.disk.lineEnd(spec.End())
			s.edits.add(at, at, "\n\t"+line)
			return
		}
	}
	at := s.disk.offset(block[0].Pos())
	s.edits.add(at, at, line+"\n\t")
}

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

func (s *syncer) grouped(spec *ast.ImportSpec) bool {
	for _, d := range s.disk.ast.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT && g.Pos() <= spec.Pos() && spec.End() <= g.End() {
			return g.Lparen.IsValid()
		}
	}
	return false
}

// dropImport removes an import's line, or the whole declaration that holds nothing else.
func (s *syncer) dropImport(spec *ast.ImportSpec) {
	start, end := s.disk.offset(spec.Pos()), s.disk.lineEnd(spec.End())
	for _, d := range s.disk.ast.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT && g.Pos() <= spec.Pos() && spec.End() <= g.End() && len(g.Specs) == 1 {
			start, end = s.disk.offset(g.Pos()), s.disk.offset(g.End())
		}
	}
	for start > 0 && s.in.Disk[start-1] != '\n' {
		start--
	}
	if end < len(s.in.Disk) && s.in.Disk[end] == '\r' {
		end++
	}
	if end < len(s.in.Disk) && s.in.Disk[end] == '\n' {
		end++
	}
	s.edits.add(start, end, "")
}

// emptyLines takes out of the import declaration the empty lines that dropped imports leave.
func emptyLines(content []byte) []byte {
	f, err := parse(content)
	if err != nil {
		return content
	}
	for _, d := range f.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT || !g.Lparen.IsValid() {
			continue
		}
		start, end := f.offset(g.Lparen)+1, f.offset(g.Rparen)
		block := strings.Trim(strings.ReplaceAll(f.text(start, end), "\r\n", "\n"), "\n")
		for strings.Contains(block, "\n\n\n") {
			block = strings.ReplaceAll(block, "\n\n\n", "\n\n")
		}
		return edits{{start, end, "\n" + block + "\n"}}.apply(content)
	}
	return content
}
