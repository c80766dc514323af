package splice

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/bufbuild/protocompile/ast"
)

// RPC adds an rpc to a service of the file, behind all that the service has.
func (p *Proto) RPC(service string, r RPC) error {
	for _, d := range p.node.Decls {
		if s, ok := d.(*ast.ServiceNode); ok && s.Name.Val == service {
			p.edits = append(p.edits, p.rpcEdit(s, r.lines(p.unit)))
			return nil
		}
	}
	return fmt.Errorf("%w: it has no service %s", ErrPlace, service)
}

func (p *Proto) rpcEdit(s *ast.ServiceNode, rpc []string) edit {
	brace := p.start(s.CloseBrace)
	indent := p.bodyIndent(s)
	text := lines(indent, p.eol, rpc)
	body := p.src[p.end(s.OpenBrace):brace]
	switch {
	case leads(p.src, brace):
		if p.wantsBlank(s, len(rpc) > 1) {
			text = p.eol + text
		}
		return edit{at: lineStart(p.src, brace), text: text + p.eol}
	case len(body) == 0:
		return edit{at: brace, text: p.eol + text + p.eol + indentation(p.src, p.start(s))}
	case bytes.IndexByte(body, '\n') < 0 && len(rpc) == 1:
		return edit{at: brace, text: onLine(body, rpc[0])}
	}
	behind := len(bytes.TrimRight(p.src[:brace], " \t"))
	return edit{at: behind, text: p.eol + text}
}

// onLine is an rpc between a body that ends on the line of its brace and the brace.
func onLine(body []byte, rpc string) string {
	if last := body[len(body)-1]; last == ' ' || last == '\t' {
		return rpc + " "
	}
	return " " + rpc + " "
}

// bodyIndent is the indentation of what is in a service.
func (p *Proto) bodyIndent(s *ast.ServiceNode) string {
	for _, d := range s.Decls {
		if at := p.start(d); leads(p.src, at) {
			return indentation(p.src, at)
		}
	}
	return indentation(p.src, p.start(s)) + p.unit
}

// wantsBlank reports whether a blank line comes before an rpc at the end of a service whose brace has its own line: as
// its rpcs have it, and always behind a comment, which would become that of the rpc.
func (p *Proto) wantsBlank(s *ast.ServiceNode, long bool) bool {
	behind := p.end(s.OpenBrace)
	if n := len(s.Decls); n > 0 {
		behind = p.end(s.Decls[n-1])
	}
	rest := p.src[behind:lineStart(p.src, p.start(s.CloseBrace))]
	_, below, _ := bytes.Cut(rest, []byte("\n"))
	switch {
	case endsBlank(rest):
		return false
	case !blank(below):
		return true
	case len(s.Decls) == 0:
		return false
	}
	return long || p.spaced(s)
}

// endsBlank reports whether the last line of what is up to the beginning of a line is blank, and not the only one.
func endsBlank(text []byte) bool {
	all := strings.Split(string(text), "\n")
	return len(all) > 2 && blank([]byte(all[len(all)-2]))
}

// spaced reports whether the declarations of a service have blank lines between them, or the only one is no plain line.
func (p *Proto) spaced(s *ast.ServiceNode) bool {
	n := len(s.Decls)
	last := s.Decls[n-1]
	if n > 1 {
		between := strings.Split(string(p.src[p.end(s.Decls[n-2]):p.start(last)]), "\n")
		for _, line := range between[1:max(1, len(between)-1)] {
			if blank([]byte(line)) {
				return true
			}
		}
		return false
	}
	_, isRPC := last.(*ast.RPCNode)
	return !isRPC || bytes.Contains(p.src[p.end(s.OpenBrace):p.start(last)], []byte("/")) ||
		bytes.Contains(p.src[p.start(last):p.end(last)], []byte("\n"))
}

// importEdit adds imports behind the last one, or behind the package, or the syntax, or before all.
func (p *Proto) importEdit() edit {
	text, quote := "", `"`
	after, first := p.importsAfter()
	if i, ok := after.(*ast.ImportNode); ok {
		quote = string(p.src[p.start(i.Name)])
	}
	for _, file := range p.imports {
		text += p.eol + "import " + quote + file + quote + ";"
	}
	if after == nil {
		return edit{at: p.mark, text: strings.TrimPrefix(text, p.eol) + p.eol + p.eol}
	}
	at, alone := p.behind(after)
	switch {
	case !alone:
		text = " " + strings.Join(strings.Split(text, p.eol)[1:], " ")
	case first:
		text = p.eol + text
		if next := nextLine(p.src, at); next < len(p.src) && !blank(p.src[next:lineEnd(p.src, next)]) {
			text += p.eol
		}
	}
	return edit{at: at, text: text}
}

// importsAfter is what an import comes behind; first reports whether that is no import.
func (p *Proto) importsAfter() (after ast.Node, first bool) {
	switch {
	case p.node.Syntax != nil:
		after = p.node.Syntax
	case p.node.Edition != nil:
		after = p.node.Edition
	}
	first = true
	for _, d := range p.node.Decls {
		switch d.(type) {
		case *ast.ImportNode:
			after, first = d, false
		case *ast.PackageNode:
			if first {
				after = d
			}
		}
	}
	return after, first
}

// behind is the end of the line of a declaration, when nothing but a comment follows on it, and of itself otherwise.
func (p *Proto) behind(n ast.Node) (at int, alone bool) {
	at = p.end(n)
	rest := bytes.TrimSpace(p.src[at:lineEnd(p.src, at)])
	if bytes.HasPrefix(rest, []byte("/*")) {
		_, rest, alone = bytes.Cut(rest[2:], []byte("*/"))
		if !alone || !blank(rest) {
			return at, false
		}
	} else if len(rest) > 0 && !bytes.HasPrefix(rest, []byte("//")) {
		return at, false
	}
	return lineEnd(p.src, at), true
}

// tailEdit adds declarations at the end of the file, a blank line before each. The last line ends as the last one did.
func (p *Proto) tailEdit(tail []string) edit {
	text := strings.Join(tail, p.eol+p.eol)
	switch body := p.src[p.mark:]; {
	case len(body) == 0:
		text += p.eol
	case body[len(body)-1] != '\n':
		text = p.eol + p.eol + text
	case blank(p.src[lineStart(p.src, len(p.src)-1):]):
		text += p.eol
	default:
		text = p.eol + text + p.eol
	}
	return edit{at: len(p.src), text: text}
}
