package godecl

import (
	"go/ast"
	"go/token"
	"slices"
)

// substitution is what New calls differently from Base in code that is the same otherwise.
type substitution struct {
	selectors map[selector]selector
	names     map[string]string // of imports, by path
	from, to  rpcCall           // the call that a test is about
	unsure    bool              // the owner's body may mean something else by a name
}

// selector is what another package declares.
type selector struct{ path, name string }

// rpcCall is a call of a client that a function of the package makes: newCatalogClient(t).Get(...).
type rpcCall struct{ helper, method string }

// of returns what a selector becomes, and whether that is something else.
func (sub substitution) of(from selector) (selector, bool) {
	to, ok := sub.selectors[from]
	if !ok {
		return from, false
	}
	return to, true
}

// name is what New calls an import, if it differs from the one that stood there.
func (sub substitution) name(path, otherwise string) string {
	if name := sub.names[path]; name != "" {
		return name
	}
	return otherwise
}

// substitution compares two versions of a declaration of svc's.
func (s *syncer) substitution(b, n *decl) substitution {
	sub := substitution{selectors: map[selector]selector{}, names: map[string]string{}}
	sub.from, sub.to = s.rpcCall(b), s.rpcCall(n)
	x, y := code(b), code(n)
	if !alike(x, y) {
		return sub
	}
	unclear := map[selector]bool{}
	for i := range x {
		from, ok1 := selectorAt(b.in, x, i)
		to, ok2 := selectorAt(n.in, y, i)
		if !ok1 || !ok2 {
			continue
		}
		if before, ok := sub.selectors[from]; ok && before != to {
			unclear[from] = true
		}
		sub.selectors[from] = to
		sub.names[to.path] = y[i].text
	}
	for from, to := range sub.selectors {
		if unclear[from] || from == to {
			delete(sub.selectors, from)
		}
	}
	return sub
}

// code lists a declaration's tokens without comments.
func code(d *decl) []lexeme {
	return slices.DeleteFunc(tokens([]byte(d.in.text(d.body, d.end))), func(l lexeme) bool { return l.tok == token.COMMENT })
}

// alike reports whether two token lists differ in names and literals only.
func alike(x, y []lexeme) bool {
	return slices.EqualFunc(x, y, func(a, b lexeme) bool { return a.tok == b.tok })
}

// selectorAt is the selector of an import that starts at a token.
func selectorAt(f *File, list []lexeme, i int) (selector, bool) {
	if i+2 >= len(list) || list[i].tok != token.IDENT || list[i+1].tok != token.PERIOD || list[i+2].tok != token.IDENT {
		return selector{}, false
	}
	path := f.paths[list[i].text]
	after := i > 0 && list[i-1].tok == token.PERIOD
	return selector{path, list[i+2].text}, path != "" && !after
}

// rpcCall finds the first call of a client in a function that svc emits.
func (s *syncer) rpcCall(d *decl) rpcCall {
	var found rpcCall
	ast.Inspect(d.node, func(n ast.Node) bool {
		if helper, sel := clientCall(n); found.helper == "" && helper != nil && (s.base[helper.Name] != nil || s.next[helper.Name] != nil) {
			found = rpcCall{helper.Name, sel.Name}
		}
		return true
	})
	return found
}

// clientCall takes helper(...).method apart.
func clientCall(n ast.Node) (helper, method *ast.Ident) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return nil, nil
	}
	return calledFunction(sel.X), sel.Sel
}

func calledFunction(e ast.Expr) *ast.Ident {
	if call, ok := e.(*ast.CallExpr); ok {
		if id, ok := call.Fun.(*ast.Ident); ok {
			return id
		}
	}
	return nil
}

// certain leaves out types where the owner's test calls other rpcs, too, which may take them as before.
func (sub substitution) certain(is span) substitution {
	ast.Inspect(is.node, func(n ast.Node) bool {
		if helper, method := clientCall(n); helper != nil && helper.Name == sub.from.helper && method.Name != sub.from.method {
			sub.unsure = len(sub.selectors) > 0
		}
		return true
	})
	if sub.unsure {
		sub.selectors = nil
	}
	return sub
}

// calls has the calls of a test's client in a span follow its rpc, where it is certain that they mean it.
func (sub *substitution) calls(p span) edits {
	if sub.from.helper == "" || sub.to.helper == "" || sub.from == sub.to {
		return nil
	}
	var own edits
	c := sub.clients(p)
	rename := func(id *ast.Ident, from, to string) {
		if id.Name == from && from != to {
			own.add(p.d.in.offset(id.Pos()), p.d.in.offset(id.End()), to)
		}
	}
	ast.Inspect(p.node, func(n ast.Node) bool {
		helper, method := clientCall(n)
		if helper != nil && helper.Name == sub.from.helper && method.Name == sub.from.method {
			rename(helper, sub.from.helper, sub.to.helper)
			rename(method, sub.from.method, sub.to.method)
		}
		if id, ok := variable(n); ok && c[id] != nil && c[id].single {
			rename(n.(*ast.SelectorExpr).Sel, sub.from.method, sub.to.method)
		}
		return true
	})
	for _, client := range c {
		if client.single && client.only {
			rename(client.helper, sub.from.helper, sub.to.helper)
		}
	}
	return own
}

// client is a variable that holds one: client := newCatalogClient(t).
type client struct {
	helper *ast.Ident
	single bool // it is assigned once, and to the method's helper only
	only   bool // nothing else is called of it
}

func (sub *substitution) clients(p span) map[string]*client {
	found := map[string]*client{}
	ast.Inspect(p.node, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, left := range assign.Lhs {
			id, ok := left.(*ast.Ident)
			if !ok {
				continue
			}
			helper := (*ast.Ident)(nil)
			if len(assign.Rhs) == len(assign.Lhs) {
				helper = calledFunction(assign.Rhs[i])
			}
			single := found[id.Name] == nil && helper != nil && helper.Name == sub.from.helper
			found[id.Name] = &client{helper, single, single}
		}
		return true
	})
	ast.Inspect(p.node, func(n ast.Node) bool {
		if id, ok := variable(n); ok && found[id] != nil && n.(*ast.SelectorExpr).Sel.Name != sub.from.method {
			found[id].only = false
		}
		return true
	})
	return found
}

// variable is the x of x.method.
func variable(n ast.Node) (string, bool) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return id.Name, true
}
