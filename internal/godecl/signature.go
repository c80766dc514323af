package godecl

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// signature makes parameters and results those of the contract. The owner's names for them stay.
func (m *function) signature() {
	was, is, next := m.fields(m.b, m.was), m.fields(m.d, m.is), m.fields(m.n, m.next)
	if slices.Equal(was, next) {
		return
	}
	if len(was) != len(next) || len(is) != len(next) {
		if !slices.EqualFunc(is, next, same) || arity(m.is) != arity(m.next) {
			m.newSignature()
		}
		return
	}
	from, to := typesOf(m.is), typesOf(m.next)
	for i := range next {
		if was[i] != next[i] && !same(is[i], next[i]) {
			at := typeSpan(m.d, from[i])
			m.keepComments(at.start, at.end)
			m.edits.add(at.start, at.end, typeSpan(m.n, to[i]).render(m.syncer))
			m.said = append(m.said, was[i]+" → "+next[i])
		}
	}
	m.sayContract()
}

// newSignature takes New's parameters and results, with the owner's name for each that was there before.
func (m *function) newSignature() {
	start, end := m.disk.offset(m.is.Type.Params.Pos()), m.disk.offset(m.is.Type.End())
	at := span{m.n, m.next.Type, m.n.in.offset(m.next.Type.Params.Pos()), m.n.in.offset(m.next.Type.End())}
	text := m.words(at, m.ownNames(), substitution{}, true)
	if same(text, m.disk.text(start, end)) {
		return
	}
	m.keepComments(start, end)
	m.edits.add(start, end, text)
	m.said = append(m.said, "it has another signature")
	m.sayContract()
}

// arity counts parameters and results.
func arity(fn *ast.FuncDecl) [2]int {
	return [2]int{fn.Type.Params.NumFields(), fn.Type.Results.NumFields()}
}

// keepComments puts the comments of a part of the signature that is about to be replaced above the function.
func (m *function) keepComments(start, end int) {
	for _, group := range m.disk.ast.Comments {
		for _, c := range group.List {
			if at := m.disk.offset(c.Pos()); at >= start && at < end {
				m.edits.add(m.d.body, m.d.body, lineComments(c.Text))
			}
		}
	}
}

// lineComments writes a comment as lines of a doc comment.
func lineComments(text string) string {
	text, block := strings.CutPrefix(text, "/*")
	if !block {
		return text + "\n"
	}
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(strings.TrimSuffix(text, "*/"))) {
		b.WriteString(strings.TrimSpace("// "+strings.TrimSpace(line)) + "\n")
	}
	return b.String()
}

// ownNames renames New's parameters to what the owner calls those of the same type.
func (m *function) ownNames() edits {
	var list edits
	for _, field := range m.next.Type.Params.List {
		text := typeSpan(m.n, field.Type).compare(m.syncer)
		for _, mine := range m.is.Type.Params.List {
			if len(field.Names) == 1 && len(mine.Names) == 1 && same(text, m.disk.nodeText(mine.Type)) {
				list = append(list, m.renamed(m.n.in, field.Names[0], mine.Names[0].Name)...)
			}
		}
	}
	return list
}

// fields lists the types of parameters and results in the words of Disk.
func (m *function) fields(d *decl, fn *ast.FuncDecl) []string {
	var list []string
	for _, e := range typesOf(fn) {
		list = append(list, typeSpan(d, e).compare(m.syncer))
	}
	return list
}

func typesOf(fn *ast.FuncDecl) []ast.Expr {
	var list []ast.Expr
	for _, fields := range []*ast.FieldList{fn.Type.Params, fn.Type.Results} {
		if fields == nil {
			continue
		}
		for _, field := range fields.List {
			list = append(list, field.Type)
		}
	}
	return list
}

// sayContract says what changed in the contract's words, if the signature is of an rpc.
func (m *function) sayContract() {
	was, ok1 := rpcOf(m.was)
	next, ok2 := rpcOf(m.next)
	if !ok1 || !ok2 || len(m.said) == 0 {
		return
	}
	m.said = nil
	if was.kind != next.kind {
		m.said = append(m.said, was.kind+" → "+next.kind)
	}
	m.sayType("request", was.request, next.request)
	m.sayType("response", was.response, next.response)
}

func (m *function) sayType(what string, was, next ast.Expr) {
	from, to := m.b.in.nodeText(was), m.n.in.nodeText(next)
	if from == to {
		return
	}
	if a, b := unqualified(from), unqualified(to); a != b {
		from, to = a, b
	}
	m.said = append(m.said, fmt.Sprintf("%s type %s → %s", what, from, to))
}

func unqualified(t string) string { return t[strings.LastIndexByte(t, '.')+1:] }

// rpc is the shape of a method that serves one.
type rpc struct {
	kind              string
	request, response ast.Expr
}

// rpcOf recognises the signatures that the stubs of gRPC ask for.
func rpcOf(fn *ast.FuncDecl) (rpc, bool) {
	t := typesOf(fn)
	if fn.Recv == nil || len(t) < 2 {
		return rpc{}, false
	}
	stream, args := generic(t[0])
	switch {
	case stream == "ClientStreamingServer" && len(args) == 2:
		return rpc{"client-streaming", args[0], args[1]}, true
	case stream == "BidiStreamingServer" && len(args) == 2:
		return rpc{"bidirectional streaming", args[0], args[1]}, true
	}
	if stream, args = generic(t[1]); stream == "ServerStreamingServer" && len(args) == 1 {
		return rpc{"server-streaming", pointed(t[0]), args[0]}, true
	}
	if len(t) == 4 {
		return rpc{"unary", pointed(t[1]), pointed(t[2])}, true
	}
	return rpc{}, false
}

func pointed(e ast.Expr) ast.Expr {
	if star, ok := e.(*ast.StarExpr); ok {
		return star.X
	}
	return e
}

// generic takes pkg.Name[args] apart.
func generic(e ast.Expr) (name string, args []ast.Expr) {
	x := e
	switch e := e.(type) {
	case *ast.IndexExpr:
		x, args = e.X, []ast.Expr{e.Index}
	case *ast.IndexListExpr:
		x, args = e.X, e.Indices
	}
	if sel, ok := x.(*ast.SelectorExpr); ok {
		return sel.Sel.Name, args
	}
	return "", nil
}

// ofChangedRPC reports whether a function is the test of an rpc that has changed: TestCatalog_Get of Catalog.Get.
func (m *function) ofChangedRPC() bool {
	for key, b := range m.base {
		t, method, ok := strings.Cut(key, ".")
		if !ok || m.b.key != "Test"+t+"_"+method && m.syncer.rpcCall(m.b).method != method {
			continue
		}
		n := m.syncer.next[m.now(key)]
		if n == nil || n.key != key || rpcText(b) != rpcText(n) {
			return true
		}
	}
	return false
}

func rpcText(d *decl) string {
	fn, ok := d.node.(*ast.FuncDecl)
	if !ok {
		return ""
	}
	return d.in.nodeText(fn.Type)
}

// report tells what has happened, and what its owner has to look at.
func (m *function) report() {
	was, now := name(m.d.key), name(m.result())
	if was != now && m.was.Recv != nil {
		m.note(m.result(), "%s is now called %s: what calls it has to follow", was, now)
	}
	check := ""
	if m.theirs && m.is.Body != nil {
		check = ": check the body"
	}
	from, _, _ := strings.Cut(m.d.key, ".")
	if to, _, ok := strings.Cut(m.result(), "."); ok && from != to {
		m.note(m.result(), "%s is now a method of %s%s", now, to, check)
	}
	if len(m.said) > 0 {
		m.note(m.result(), "%s: %s%s", now, strings.Join(m.said, ", "), check)
	} else if m.check {
		m.note(m.result(), "%s: its rpc has changed: check the body", now)
	}
}
