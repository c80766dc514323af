package splice

import (
	"bytes"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// appendEdits are the edits that add items to a list.
func appendEdits(src []byte, path Path, after string, items []Item) ([]edit, error) {
	d, err := parseYAML(src)
	if err != nil {
		return nil, err
	}
	parent, entry, err := d.locate(path)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		key, _ := path[len(path)-1].(string)
		return d.addKey(parent, after, key+": ["+flowItems(items)+"]")
	}
	switch v := entry.Value.(type) {
	case *ast.NullNode:
		return d.fillNull(entry, "["+flowItems(items)+"]")
	case *ast.SequenceNode:
		if v.IsFlowStyle {
			return d.appendFlow(v, items)
		}
		return d.appendBlock(v, items)
	}
	return nil, ErrPlace
}

// addKey adds a key and its value to a mapping, after another of its keys.
func (d *document) addKey(parent ast.Node, after, text string) ([]edit, error) {
	sibling := entryOf(parent, after)
	if sibling == nil {
		return nil, ErrPlace
	}
	if m, ok := parent.(*ast.MappingNode); ok && m.IsFlowStyle {
		at, err := d.end(sibling.Value.GetToken())
		return []edit{{at: at, text: ", " + text}}, err
	}
	key := sibling.Key.GetToken()
	at, err := d.offset(key)
	if err != nil {
		return nil, err
	}
	indent := strings.Repeat(" ", key.Position.Column-1)
	return []edit{{at: d.blockEnd(at, len(indent)), text: d.eol + indent + text}}, nil
}

// fillNull puts a list in the place of null, which is often written as nothing.
func (d *document) fillNull(entry *ast.MappingValueNode, text string) ([]edit, error) {
	colon, err := d.end(entry.Start)
	if err != nil {
		return nil, err
	}
	i, err := d.index(entry.Start)
	if err != nil {
		return nil, err
	}
	if i+1 < len(d.tokens) && d.tokens[i+1].Type == token.NullType {
		null := d.tokens[i+1]
		at, err := d.offset(null)
		return []edit{{at: at, drop: len(null.Value), text: text}}, err
	}
	return []edit{{at: colon, text: " " + text}}, nil
}

// appendFlow adds to a list in brackets.
func (d *document) appendFlow(list *ast.SequenceNode, items []Item) ([]edit, error) {
	if len(list.Values) == 0 {
		at, err := d.end(list.Start)
		return []edit{{at: at, text: flowItems(items)}}, err
	}
	last, err := d.before(list.End, token.CollectEntryType)
	if err != nil {
		return nil, err
	}
	at, err := d.end(last)
	if err != nil {
		return nil, err
	}
	first, err := d.offset(firstToken(list.Values[len(list.Values)-1]))
	if err != nil {
		return nil, err
	}
	if list.End.Position.Line == last.Position.Line || !leads(d.src, first) {
		return []edit{{at: at, text: ", " + flowItems(items)}}, nil
	}
	return d.appendLines(list, at, indentation(d.src, first), items)
}

// appendLines adds lines to a list in brackets that has its last item, which ends at an offset, on a line of its own.
func (d *document) appendLines(list *ast.SequenceNode, at int, indent string, items []Item) ([]edit, error) {
	beforeEnd, err := d.before(list.End)
	if err != nil {
		return nil, err
	}
	var edits []edit
	comma := ""
	if beforeEnd.Type == token.CollectEntryType {
		comma = ","
		if at, err = d.end(beforeEnd); err != nil {
			return nil, err
		}
	} else {
		edits = append(edits, edit{at: at, text: ","})
	}
	var b strings.Builder
	for i, it := range items {
		b.WriteString(d.eol + indent + it.flow())
		if i < len(items)-1 {
			b.WriteByte(',')
		}
	}
	return append(edits, edit{at: lineEnd(d.src, at), text: b.String() + comma}), nil
}

// firstToken is where a value begins.
func firstToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Start
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	case *ast.SequenceNode:
		return n.Start
	}
	return n.GetToken()
}

// appendBlock adds to a list with a dash for each item, which is never empty.
func (d *document) appendBlock(list *ast.SequenceNode, items []Item) ([]edit, error) {
	last := list.Values[len(list.Values)-1]
	at, gap, err := d.dash(last)
	if err != nil {
		return nil, err
	}
	indent := indentation(d.src, at)
	style := d.lookOf(last)
	var b strings.Builder
	for _, it := range items {
		text := it.block(style)
		b.WriteString(d.eol + indent + "-" + gap + text[0])
		for _, line := range text[1:] {
			b.WriteString(d.eol + indent + " " + gap + line)
		}
	}
	return []edit{{at: d.blockEnd(at, len(indent)), text: b.String()}}, nil
}

// dash is the offset of the dash of an item, and what is between the two.
func (d *document) dash(item ast.Node) (at int, gap string, err error) {
	first := firstToken(item)
	if m, ok := item.(*ast.MappingNode); ok && !m.IsFlowStyle {
		first = m.Values[0].Key.GetToken()
	}
	dash, err := d.before(first)
	if err != nil || dash.Type != token.SequenceEntryType {
		return 0, "", ErrPlace
	}
	if at, err = d.offset(dash); err != nil || !leads(d.src, at) {
		return 0, "", ErrPlace
	}
	if first.Position.Line > dash.Position.Line {
		return at, " ", nil
	}
	return at, strings.Repeat(" ", first.Position.Column-dash.Position.Column-1), nil
}

// lookOf tells how an item is written.
func (d *document) lookOf(item ast.Node) look {
	m, ok := item.(*ast.MappingNode)
	if ok && m.IsFlowStyle {
		return look{flow: true}
	}
	var l look
	if m == nil {
		return l
	}
	for _, e := range m.Values {
		list, ok := e.Value.(*ast.SequenceNode)
		if ok && !list.IsFlowStyle {
			l.blocks = true
			l.indent = strings.Repeat(" ", max(0, list.Start.Position.Column-e.Key.GetToken().Position.Column))
		}
	}
	return l
}

// blockEnd is the offset at which what begins at one ends, in lines that are indented deeper than some columns. Blank
// lines, and comments that are not so deep, belong to what follows.
func (d *document) blockEnd(at, columns int) int {
	end := lineEnd(d.src, at)
	for next := nextLine(d.src, at); next < len(d.src); next = nextLine(d.src, next) {
		line := d.src[next:lineEnd(d.src, next)]
		if blank(line) {
			continue
		}
		if len(line)-len(bytes.TrimLeft(line, " ")) <= columns {
			break
		}
		end = lineEnd(d.src, next)
	}
	return end
}
