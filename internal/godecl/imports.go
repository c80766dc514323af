package godecl

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
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
	b := &importBlock{File: after}
	used, before := usedNames(after.ast), usedNames(s.disk.ast)
	ours := importsOf(s.Base)
	maps.Copy(ours, importsOf(s.New))
	for _, spec := range after.ast.Imports {
		p, name := importOf(spec)
		if _, svc := ours[p]; svc && !used[name] && before[name] && name != "_" && name != "." {
			if b.commented(spec) {
				b.blank(spec)
				continue
			}
			b.drop = append(b.drop, spec)
		}
	}
	lines := map[string]string{}
	for p, name := range s.wanted {
		if used[name] && after.imports[p] == "" {
			lines[p] = importLine(p, name)
		}
	}
	b.addAll(lines, s.New)
	b.dropAll()
	return b.edits
}

// usedNames are the names that something is selected from. Where the file was parsed with objects, local names are left out.
func usedNames(f *ast.File) map[string]bool {
	used := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil {
				used[id.Name] = true
			}
		}
		return true
	})
	return used
}
