package godecl

import (
	"go/ast"
	"strings"

	"github.com/svcgen/svc/internal/merge3"
)

// change brings a declaration that its owner has touched up to date.
func (s *syncer) change(b, d, n *decl) {
	bf, ok1 := b.node.(*ast.FuncDecl)
	df, ok2 := d.node.(*ast.FuncDecl)
	nf, ok3 := n.node.(*ast.FuncDecl)
	if !ok1 || !ok2 || !ok3 {
		s.merge(b, d, n)
		return
	}
	m := &function{syncer: s, b: b, d: d, n: n, was: bf, is: df, next: nf}
	m.doc()
	m.name()
	m.signature()
	m.bodies()
	text := m.edits.part(s.disk.src, d.start, d.end)
	s.replace(d.start, d.end, tidy(d.text(), text))
	m.report()
}

// function is a function or method in three versions, and what becomes of it.
type function struct {
	*syncer
	b, d, n       *decl
	was, is, next *ast.FuncDecl
	edits         edits
	said          []string // what changed in its signature
	theirs        bool     // the body is the owner's
	check         bool     // and it may have to change with the contract
}

// doc follows the contract's comment where its owner left it as it was.
func (m *function) doc() {
	was, is, next := m.b.in.text(m.b.start, m.b.body), m.disk.text(m.d.start, m.d.body), m.n.in.text(m.n.start, m.n.body)
	if was != next && strings.TrimSpace(was) == strings.TrimSpace(plain(is)) {
		m.edits.add(m.d.start, m.d.body, next)
	}
}

// name follows a renamed method, and one that another service has now.
func (m *function) name() {
	if m.is.Name.Name == m.was.Name.Name && m.was.Name.Name != m.next.Name.Name {
		m.edits.add(m.disk.offset(m.is.Name.Pos()), m.disk.offset(m.is.Name.End()), m.next.Name.Name)
	}
	have, want := receiver(m.is), receiver(m.next)
	if have == nil || want == nil || m.d.key == m.result() {
		return
	}
	to, _, _ := strings.Cut(m.result(), ".")
	if have.Name != to {
		m.edits.add(m.disk.offset(have.Pos()), m.disk.offset(have.End()), to)
	}
}

// result is what the declaration is called in the result.
func (m *function) result() string { return m.own(m.n.key) }

// bodies decides whose body the function has: New's where the owner has not touched it, and the owner's in a handler.
func (m *function) bodies() {
	if m.was.Body == nil || m.is.Body == nil || m.next.Body == nil {
		return
	}
	was, is, next := block(m.b, m.was), block(m.d, m.is), block(m.n, m.next)
	m.theirs = !same(was.compare(m.syncer), is.text())
	switch {
	case same(was.text(), next.text()):
	case !m.theirs:
		m.edits.add(is.start, is.end, next.render(m.syncer))
	case m.was.Recv == nil:
		m.mergeBody(was, is, next)
	}
}

// mergeBody merges the body of a function that is not a handler: of a test, or a constructor.
func (m *function) mergeBody(was, is, next span) {
	sub := m.substitution(m.b, m.n).certain(is)
	mine := m.substitute(is, sub)
	r := merge3.Merge(m.substitute(was, sub), mine, next.render(m.syncer))
	switch {
	case r.Conflicts() == 0 && parses(r.Text()):
		m.edits.add(is.start, is.end, r.Text())
		m.check = sub.unsure
		if len(sub.selectors) > 0 {
			m.said = nil // all that has changed is in the body, too, and was followed
		}
	case m.ofChangedRPC():
		m.edits.add(is.start, is.end, mine)
		m.check = true
	default:
		m.conflict(m.result(), "%s: you and svc changed the same lines of it", m.n.key)
	}
}

// merge merges a type, variable or constant.
func (s *syncer) merge(b, d, n *decl) {
	sub := s.substitution(b, n)
	was, is, next := whole(b), whole(d), whole(n)
	r := merge3.Merge(s.substitute(was, sub), s.substitute(is, sub), next.render(s))
	if r.Conflicts() > 0 {
		s.conflict(d.key, "%s: you and svc changed the same lines of it", d.key)
		return
	}
	s.replace(d.start, d.end, tidyAll(d.text(), r.Text()))
}

// group reports what can't follow by itself: a declaration that its owner has put in one with others.
func (s *syncer) group(b, n *decl) {
	switch {
	case n == nil:
		s.note(b.key, "%s is no longer in the contract; you declare it in a group, so it stays", b.key)
	case !s.followInGroup(b, n):
		s.note(b.key, "%s: what svc emits for it has changed, and you declare it in a group: bring it up to date by hand", b.key)
	}
}

// followInGroup replaces the names that are all that has changed.
func (s *syncer) followInGroup(b, n *decl) bool {
	sub := s.substitution(b, n)
	if !same(s.substitute(span{b, b.node, b.body, b.end}, sub), s.compare(n, n.body, n.end, nil)) {
		return false
	}
	g := s.disk.grouped[b.key]
	for _, spec := range g.Specs {
		if names := namesOf(spec); len(names) == 1 && names[0].Name == b.key {
			d := &decl{key: b.key, node: g, in: s.disk}
			at := span{d, spec, s.disk.offset(spec.Pos()), s.disk.offset(spec.End())}
			s.replace(at.start, at.end, s.substitute(at, sub))
		}
	}
	return true
}
