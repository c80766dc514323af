package manifest

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Calling is what svc.yaml says about calls of a method, or of all methods of a service. What it doesn't say is as the
// contract has it.
type Calling struct {
	Ref          // fully-qualified name of a method or a service
	Timeout      time.Duration
	Retry        *bool
	WaitForReady *bool
}

func (d *decoder) calls(n ast.Node) []Calling {
	if n == nil {
		return nil
	}
	lines, _ := d.entries(n, "calls")
	var calls []Calling
	for _, v := range lines {
		c := Calling{Ref: Ref{Name: keyOf(v), Pos: d.pos(v.Key)}}
		if !fullName.MatchString(c.Name) {
			d.found.At(c.Pos, "calls: {shop.v1.Catalog.Get: {timeout: 2s}}", "calls: %q is not a fully-qualified name", c.Name)
		}
		fields := d.mapping(v.Value, c.Name, "timeout", "retry", "wait_for_ready")
		c.Timeout = d.duration(fields["timeout"], "timeout")
		c.Retry = d.boolean(fields["retry"], "retry")
		c.WaitForReady = d.boolean(fields["wait_for_ready"], "wait_for_ready")
		calls = append(calls, c)
	}
	return calls
}

func (d *decoder) duration(n ast.Node, what string) time.Duration {
	if n == nil {
		return 0
	}
	text, ok := d.text(n, what)
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		d.found.At(d.pos(n), "such as 500ms or 2s", "%s: %q is not a time", what, text)
	}
	return v
}

func (d *decoder) boolean(n ast.Node, what string) *bool {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.BoolNode:
		return &n.Value
	default:
		d.wrongKind(n, what, "true or false")
		return nil
	}
}
