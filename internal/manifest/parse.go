package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/svcgen/svc/internal/diag"
)

// Parse reads a manifest strictly: an unknown key, a missing one or a value of the wrong kind is a finding
// with its position, and all findings come at once as a diag.Set. file is the name used in positions.
func Parse(file string, content []byte) (*Manifest, error) {
	p := &decoder{file: file}
	root, ok := p.document(content)
	if !ok {
		return nil, p.found.Err()
	}
	m := p.manifest(root)
	if err := p.found.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

// maxSize is far above what a manifest says, and far below what keeps a YAML parser busy for long.
const maxSize = 64 << 10

// decoder walks the YAML tree by hand: no YAML library reports all errors, each with its position.
type decoder struct {
	file  string
	found diag.Set
}

func (d *decoder) document(content []byte) (ast.Node, bool) {
	if len(content) > maxSize {
		d.found.At(diag.Pos{File: d.file, Line: 1, Col: 1}, "", "it is larger than %d bytes", maxSize)
		return nil, false
	}
	if line := conflict(content); line > 0 {
		d.found.At(diag.Pos{File: d.file, Line: line, Col: 1}, "choose between its sides", "git has left a conflict here")
		return nil, false
	}
	f, err := parser.ParseBytes(normal(content), 0)
	if err != nil {
		pos := diag.Pos{File: d.file, Line: 1, Col: 1}
		msg := err.Error()
		if e, ok := errors.AsType[yaml.Error](err); ok {
			msg = e.GetMessage()
			if t := e.GetToken(); t != nil {
				pos.Line, pos.Col = t.Position.Line, t.Position.Column
			}
		}
		d.found.At(pos, "", "not valid YAML: %s", msg)
		return nil, false
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		d.found.At(diag.Pos{File: d.file, Line: 1, Col: 1}, "svc schema describes the keys", "one YAML document is expected")
		return nil, false
	}
	return f.Docs[0].Body, true
}

// conflict is the line at which git has begun to mark a conflict, which YAML reads as something else; 0 when there is none.
func conflict(content []byte) int {
	n := 0
	for line := range bytes.Lines(content) {
		n++
		if bytes.HasPrefix(line, []byte("<<<<<<< ")) {
			return n
		}
	}
	return 0
}

// normal is a text without its byte order mark and with plain newlines: the parser takes the one for a part of a key, and
// counts the others twice after a comment.
func normal(content []byte) []byte {
	content = bytes.TrimPrefix(content, []byte("\uFEFF"))
	return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
}

func (d *decoder) manifest(root ast.Node) *Manifest {
	m := &Manifest{}
	fields := d.mapping(root, "svc.yaml", "version", "name", "module", "proto", "registry", "layers", "apps", "calls", "moved")
	if fields == nil {
		return m
	}
	d.version(root, fields["version"])
	m.Name = d.required(root, fields, "name", CheckName)
	m.Module = d.required(root, fields, "module", CheckModule)
	m.Registry = d.required(root, fields, "registry", CheckRegistry)
	m.Proto = d.proto(root, fields["proto"])
	m.Layers = d.refs(fields["layers"], "layers")
	m.Apps = d.apps(root, fields["apps"])
	m.Calls = d.calls(fields["calls"])
	m.Moved = d.moved(fields["moved"])
	return m
}

// fullName is a fully-qualified name of the contract.
var fullName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

func (d *decoder) moved(n ast.Node) []Move {
	if n == nil {
		return nil
	}
	lines, _ := d.entries(n, "moved")
	var moves []Move
	for _, v := range lines {
		m := Move{Old: keyOf(v), Pos: d.pos(v.Key)}
		m.New, _ = d.text(v.Value, "moved")
		for _, name := range []string{m.Old, m.New} {
			if !fullName.MatchString(name) {
				d.found.At(m.Pos, "moved: {shop.v1.Catalog.Get: shop.v1.Catalog.Fetch}", "moved: %q is not a fully-qualified name", name)
			}
		}
		moves = append(moves, m)
	}
	return moves
}

func (d *decoder) version(root, n ast.Node) {
	if n == nil {
		d.found.At(d.pos(root), fmt.Sprintf("add version: %d", Version), "version is missing")
		return
	}
	if v := strings.TrimSpace(n.String()); n.Type() != ast.IntegerType || v != fmt.Sprint(Version) {
		d.found.At(d.pos(n), "a newer version needs a newer svc", "version %s is not supported: this svc reads version %d", v, Version)
	}
}

func (d *decoder) proto(root, n ast.Node) Proto {
	if n == nil {
		d.found.At(d.pos(root), "add proto: {roots: [api]}", "proto is missing")
		return Proto{}
	}
	fields := d.mapping(n, "proto", "roots", "descriptor_set")
	if fields == nil {
		return Proto{}
	}
	var p Proto
	if list, ok := fields["roots"].(*ast.SequenceNode); ok && len(list.Values) == 0 {
		d.found.At(d.pos(list), "", "proto.roots is empty")
	}
	for _, r := range d.refs(fields["roots"], "proto.roots") {
		if err := checkLocalPath(r.Name); err != nil {
			d.found.At(r.Pos, "", "proto.roots: %v", err)
		}
		p.Roots = append(p.Roots, r.Name)
	}
	if fields["descriptor_set"] != nil {
		p.DescriptorSet = d.required(n, fields, "descriptor_set", checkLocalPath)
	}
	if (fields["roots"] == nil) == (fields["descriptor_set"] == nil) {
		d.found.At(d.pos(n), "", "proto takes either roots or descriptor_set")
	}
	return p
}

func (d *decoder) apps(root, n ast.Node) []App {
	items := d.sequence(n, "apps")
	if len(items) == 0 {
		d.found.At(d.pos(root), "add apps: [{name: …, services: [\"*\"]}]", "apps is missing or empty")
	}
	seen := map[string]diag.Pos{}
	var apps []App
	for _, item := range items {
		fields := d.mapping(item, "an app", "name", "services", "clients")
		if fields == nil {
			continue
		}
		a := App{Pos: d.pos(item)}
		a.Name = d.required(item, fields, "name", CheckName)
		a.Services = d.refs(fields["services"], "services")
		a.Clients = d.refs(fields["clients"], "clients")
		d.checkClients(a.Clients)
		if first, ok := seen[a.Name]; ok && a.Name != "" {
			d.found.At(a.Pos, "", "app %s is declared twice, first at %s", a.Name, first)
		}
		seen[a.Name] = a.Pos
		apps = append(apps, a)
	}
	return apps
}

func (d *decoder) checkClients(clients []Ref) {
	for _, c := range clients {
		if c.Name == AllServices {
			d.found.At(c.Pos, "name the services that the app calls", "clients takes no %s", AllServices)
		}
	}
}

// mapping returns the values of n by key and reports keys that are not allowed. It is nil when n is something else.
func (d *decoder) mapping(n ast.Node, what string, allowed ...string) map[string]ast.Node {
	entries, ok := d.entries(n, what)
	if !ok {
		return nil
	}
	fields := map[string]ast.Node{}
	for _, v := range entries {
		key := keyOf(v)
		if !slices.Contains(allowed, key) {
			d.found.At(d.pos(v.Key), "known keys: "+strings.Join(allowed, ", "), "unknown key %s in %s", key, what)
			continue
		}
		if _, null := v.Value.(*ast.NullNode); !null {
			fields[key] = v.Value
		}
	}
	return fields
}

// entries returns the lines of a mapping; ok is false when n is something else.
func (d *decoder) entries(n ast.Node, what string) (lines []*ast.MappingValueNode, ok bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	default:
		d.wrongKind(n, what, "a mapping")
		return nil, false
	}
}

// keyOf is a line's key, without its quotes.
func keyOf(v *ast.MappingValueNode) string {
	if k, ok := v.Key.(*ast.StringNode); ok {
		return k.Value
	}
	return v.Key.String()
}

func (d *decoder) sequence(n ast.Node, what string) []ast.Node {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.SequenceNode:
		return n.Values
	default:
		d.wrongKind(n, what, "a list")
		return nil
	}
}

func (d *decoder) refs(n ast.Node, what string) []Ref {
	var refs []Ref
	for _, item := range d.sequence(n, what) {
		if name, ok := d.text(item, "an entry of "+what); ok {
			refs = append(refs, Ref{Name: name, Pos: d.pos(item)})
		}
	}
	return refs
}

func (d *decoder) required(parent ast.Node, fields map[string]ast.Node, key string, check func(string) error) string {
	n := fields[key]
	if n == nil {
		d.found.At(d.pos(parent), "", "%s is missing", key)
		return ""
	}
	v, ok := d.text(n, key)
	if !ok {
		return ""
	}
	if err := check(v); err != nil {
		d.found.At(d.pos(n), "", "%s: %v", key, err)
	}
	return v
}

func (d *decoder) text(n ast.Node, what string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	default:
		d.wrongKind(n, what, "text")
		return "", false
	}
}

func (d *decoder) pos(n ast.Node) diag.Pos {
	if n == nil || n.GetToken() == nil {
		return diag.Pos{File: d.file}
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0]
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	p := n.GetToken().Position
	return diag.Pos{File: d.file, Line: p.Line, Col: p.Column}
}

func (d *decoder) wrongKind(n ast.Node, what, want string) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		d.found.At(d.pos(n), "write it out", "%s is an anchor or alias, which svc.yaml doesn't take", what)
	default:
		d.found.At(d.pos(n), "", "%s must be %s, not %s", what, want, kind(n))
	}
}

// kind says what a value is, in the words of somebody who writes YAML.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "null"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	default:
		return "a value with a tag"
	}
}
