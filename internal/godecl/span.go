package godecl

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// span is a part of a declaration.
type span struct {
	d          *decl
	node       ast.Node
	start, end int
}

func whole(d *decl) span { return span{d, d.node, d.start, d.end} }

// block is a function's body with its braces.
func block(d *decl, fn *ast.FuncDecl) span {
	return span{d, fn.Body, d.in.offset(fn.Body.Pos()), d.in.offset(fn.Body.End())}
}

func typeSpan(d *decl, e ast.Expr) span {
	return span{d, e, d.in.offset(e.Pos()), d.in.offset(e.End())}
}

func (p span) text() string { return p.d.in.text(p.start, p.end) }

// render is a span of New in the words of Disk, which will import what it needs.
func (p span) render(s *syncer) string {
	return s.words(p, nil, substitution{}, true)
}

// compare is a span of Base or New in the words of Disk.
func (p span) compare(s *syncer) string {
	return s.words(p, nil, substitution{}, false)
}

func (s *syncer) render(d *decl, start, end int, more edits) string {
	return s.words(span{d, d.node, start, end}, more, substitution{}, true)
}

func (s *syncer) compare(d *decl, start, end int, more edits) string {
	return s.words(span{d, d.node, start, end}, more, substitution{}, false)
}

// substitute is a span of Base or Disk in the words of Disk, with what New calls differently.
func (s *syncer) substitute(p span, sub substitution) string {
	return s.words(p, nil, sub, true)
}

// words returns a span with Disk's names of imports; want has Disk import what it lacks.
func (s *syncer) words(p span, more edits, sub substitution, want bool) string {
	own := more
	f := p.d.in
	ast.Inspect(p.node, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || f.offset(sel.Pos()) < p.start || f.offset(sel.End()) > p.end {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && f.paths[id.Name] != "" {
			to, changed := sub.of(selector{f.paths[id.Name], sel.Sel.Name})
			own = append(own, s.renamed(f, id, s.nameOf(to.path, sub.name(to.path, id.Name), want && (changed || f != s.disk)))...)
			own = append(own, s.renamed(f, sel.Sel, to.name)...)
		}
		return true
	})
	own = append(own, sub.calls(p)...)
	return own.part(f.src, p.start, p.end)
}

// renamed is the edit that gives an identifier another name, if it is one.
func (s *syncer) renamed(f *File, id *ast.Ident, to string) edits {
	if id.Name == to {
		return nil
	}
	return edits{{f.offset(id.Pos()), f.offset(id.End()), to}}
}

// receiverOf has a method of svc's get the receiver that its owner has given it.
func (s *syncer) receiverOf(n, d *decl) edits {
	nf, ok1 := n.node.(*ast.FuncDecl)
	df, ok2 := d.node.(*ast.FuncDecl)
	if !ok1 || !ok2 || nf.Recv == nil || df.Recv == nil {
		return nil
	}
	id := receiver(df)
	if id == nil {
		return nil
	}
	start := s.disk.offset(df.Recv.Pos())
	text := s.disk.nodeText(df.Recv)
	at := s.disk.offset(id.Pos()) - start
	t, _, _ := strings.Cut(s.own(n.key), ".")
	text = text[:at] + t + text[at+len(id.Name):]
	return edits{{n.in.offset(nf.Recv.Pos()), n.in.offset(nf.Recv.End()), text}}
}

// receiverLike has a new method get the receiver that its owner has given to the type's other methods in the file.
func (s *syncer) receiverLike(n *decl) edits {
	t, _, ok := strings.Cut(s.own(n.key), ".")
	if !ok {
		return nil
	}
	for _, d := range s.disk.decls {
		if other, _, ok := strings.Cut(d.key, "."); ok && other == t {
			return s.receiverOf(n, d)
		}
	}
	nf, ok := n.node.(*ast.FuncDecl)
	if id := receiver(nf); ok && id != nil {
		return s.renamed(n.in, id, t)
	}
	return nil
}

// parses reports whether a text can be a function's body.
func parses(body string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", "package p\n\nfunc _() "+body, parser.SkipObjectResolution)
	return err == nil
}
