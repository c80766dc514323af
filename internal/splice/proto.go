package splice

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
)

// Proto collects additions to a .proto file.
type Proto struct {
	src  []byte
	mark int // length of the byte order mark, from behind which the parser counts
	node *ast.FileNode
	eol  string
	unit string // of indentation

	edits    []edit
	imports  []string
	services []string // for the end of the file
	messages []string // behind them
}

// Service is a service to be added.
type Service struct {
	Name string
	Doc  []string // lines of its comment
	RPCs []RPC
}

// RPC is an rpc to be added.
type RPC struct {
	Name              string
	Doc               []string // lines of its comment
	Request, Response string   // as they are to be written
	ClientStream      bool
	ServerStream      bool
	Options           []string // such as deprecated = true
}

// OpenProto reads a .proto file to add to.
func OpenProto(src []byte) (*Proto, error) {
	mark, rest := split(src)
	node, err := parseProto(rest)
	if err != nil {
		return nil, err
	}
	p := &Proto{src: src, mark: len(mark), node: node, eol: newline(src)}
	p.unit = p.findUnit()
	return p, nil
}

// NewProto begins a .proto file of a package, with go_package unless that is empty, that ends and indents its lines as
// another file does.
func NewProto(pkg, goPackage string, like []byte) (*Proto, error) {
	var b strings.Builder
	eol := newline(like)
	b.WriteString(`syntax = "proto3";` + eol)
	if pkg != "" {
		b.WriteString(eol + "package " + pkg + ";" + eol)
	}
	if goPackage != "" {
		b.WriteString(eol + "option go_package = " + strconv.Quote(goPackage) + ";" + eol)
	}
	p, err := OpenProto([]byte(b.String()))
	if err != nil {
		return nil, err
	}
	if other, err := OpenProto(like); err == nil {
		p.unit = other.unit
	}
	return p, nil
}

// parseProto returns an error for what the parser panics on, too.
func parseProto(src []byte) (node *ast.FileNode, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser can't take it: %v", r)
		}
	}()
	if mark, _ := split(src); mark != "" {
		return nil, errors.New("it begins with two byte order marks") // the parser would skip the second as it does a first
	}
	return parser.Parse("", bytes.NewReader(src), reporter.NewHandler(nil))
}

// Message adds an empty message at the end of the file.
func (p *Proto) Message(name string) { p.messages = append(p.messages, "message "+name+" {}") }

// Service adds a service at the end of the file, before the messages that are added.
func (p *Proto) Service(s Service) {
	text := append(comment(s.Doc), "service "+s.Name+" {")
	for i, r := range s.RPCs {
		if i > 0 {
			text = append(text, "")
		}
		for _, line := range r.lines(p.unit) {
			text = append(text, p.unit+line)
		}
	}
	p.services = append(p.services, strings.Join(append(text, "}"), p.eol))
}

// Import adds an import of a file.
func (p *Proto) Import(file string) { p.imports = append(p.imports, file) }

// Bytes returns the file with all that was added. It parses.
func (p *Proto) Bytes() ([]byte, error) {
	edits := p.edits
	if len(p.imports) > 0 {
		edits = append(edits, p.importEdit())
	}
	if tail := slices.Concat(p.services, p.messages); len(tail) > 0 {
		edits = append(edits, p.tailEdit(tail))
	}
	out := apply(p.src, edits)
	_, rest := split(out)
	if _, err := parseProto(rest); err != nil {
		return nil, ErrPlace
	}
	return out, nil
}

// lines writes the rpc, without the indentation that all its lines have.
func (r RPC) lines(unit string) []string {
	stream := map[bool]string{true: "stream "}
	head := fmt.Sprintf("rpc %s(%s%s) returns (%s%s)", r.Name, stream[r.ClientStream], r.Request, stream[r.ServerStream], r.Response)
	out := comment(r.Doc)
	if len(r.Options) == 0 {
		return append(out, head+";")
	}
	out = append(out, head+" {")
	for _, o := range r.Options {
		out = append(out, unit+"option "+o+";")
	}
	return append(out, "}")
}

func comment(doc []string) []string {
	var out []string
	for _, line := range doc {
		out = append(out, "// "+line)
	}
	return out
}

// start and end are the offsets of a node.
func (p *Proto) start(n ast.Node) int { return p.mark + p.node.NodeInfo(n).Start().Offset }

// The parser's End is that of the last byte, which is ASCII in all that a node may end with.
func (p *Proto) end(n ast.Node) int { return p.mark + p.node.NodeInfo(n).End().Offset + 1 }

const defaultUnit = "  "

// findUnit is by how much the file indents: as the first declaration inside another that leads its line.
func (p *Proto) findUnit() string {
	for _, d := range p.node.Decls {
		var inner []ast.Node
		switch d := d.(type) {
		case *ast.ServiceNode:
			inner = nodes(d.Decls)
		case *ast.MessageNode:
			inner = nodes(d.Decls)
		case *ast.EnumNode:
			inner = nodes(d.Decls)
		}
		outer := indentation(p.src, p.start(d))
		for _, n := range inner {
			unit, deeper := strings.CutPrefix(indentation(p.src, p.start(n)), outer)
			if deeper && unit != "" && leads(p.src, p.start(n)) {
				return unit
			}
		}
	}
	return defaultUnit
}

func nodes[N ast.Node](list []N) []ast.Node {
	out := make([]ast.Node, len(list))
	for i, n := range list {
		out[i] = n
	}
	return out
}
