package manifest

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Calling is what svc.yaml says about calls of a method, or of all methods of a service. What it doesn't say is as the
// contract has it.
type Calling struct {
	Ref                 // fully-qualified name of a method or a service
	Timeout      string // in seconds, as gRPC's service config has it: "2s", "0.5s"; empty when not said
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
		c.Timeout = d.seconds(fields["timeout"], "timeout")
		c.Retry = d.boolean(fields["retry"], "retry")
		c.WaitForReady = d.boolean(fields["wait_for_ready"], "wait_for_ready")
		calls = append(calls, c)
	}
	return calls
}

// inSeconds is a time as JSON has it for protobuf and gRPC.
var inSeconds = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?s$`)

func (d *decoder) seconds(n ast.Node, what string) string {
	if n == nil {
		return ""
	}
	text, ok := d.text(n, what)
	if ok && (!inSeconds.MatchString(text) || strings.Trim(text, "0.s") == "") {
		d.found.At(d.pos(n), "such as 2s or 0.5s", "%s: %q is not a time in seconds", what, text)
	}
	return text
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
