package godecl

import (
	"go/ast"
	"slices"
	"strings"
)

// forgotten stands for a body of which nobody knows any more what it was: no owner's is like it.
const forgotten = "{\n\tpanic(`what svc emitted here is forgotten`)\n}"

// Recall returns what svc would have emitted had it not given a method the name to yet: what it was is only known from
// what its owner has made of it in disk.
func (f *File) Recall(to string, disk *File, from string) []byte {
	n, d := f.byKey[to], disk.byKey[from]
	if n == nil || d == nil {
		return f.src
	}
	fn, ok := d.node.(*ast.FuncDecl)
	if !ok || fn.Body == nil {
		return f.src
	}
	doc := strings.ReplaceAll(f.text(n.start, n.body), name(to), name(from))
	head := disk.text(d.body, disk.offset(fn.Body.Pos()))
	return slices.Concat(f.src[:n.start], []byte(doc+head+forgotten), f.src[n.end:])
}
