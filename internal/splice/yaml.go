package splice

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Path leads to a list in a YAML document, by keys and indexes from the top: "apps", 1, "services".
type Path []any

// Append adds items to the list that path leads to. A list that is not there, or null, is made; its key comes after
// the key beside it that after names. The document reads as before, but for the items, or there is an error.
func Append(src []byte, path Path, after string, items ...Item) ([]byte, error) {
	edits, err := appendEdits(src, path, after, items)
	if err != nil {
		return nil, err
	}
	out := apply(src, edits)
	if err := checkAppended(src, out, path, items); err != nil {
		return nil, err
	}
	return out, nil
}

// checkAppended compares what the document says with what it is to say.
func checkAppended(src, out []byte, path Path, items []Item) error {
	var was, is any
	if err := decode(src, &was); err != nil {
		return err
	}
	if decode(out, &is) != nil || !reflect.DeepEqual(is, appended(was, path, items)) {
		return ErrPlace
	}
	return nil
}

func decode(src []byte, v *any) error {
	_, rest := split(src)
	return yaml.Unmarshal(rest, v)
}

// appended is value with items at the end of a list in it.
func appended(value any, path Path, items []Item) any {
	if len(path) == 0 {
		list, _ := value.([]any)
		for _, it := range items {
			list = append(list, it.value())
		}
		return list
	}
	switch key := path[0].(type) {
	case string:
		if m, ok := value.(map[string]any); ok {
			m[key] = appended(m[key], path[1:], items)
		}
	case int:
		if list, ok := value.([]any); ok && key < len(list) {
			list[key] = appended(list[key], path[1:], items)
		}
	}
	return value
}

// document is a parsed YAML text.
type document struct {
	src    []byte // as it is
	starts []int  // the offset of each line
	body   ast.Node
	tokens token.Tokens
	eol    string
}

// parseYAML reads a document. The parser counts lines and columns well only in a text with bare newlines and no byte
// order mark, so that is what it gets; its offsets count characters and go astray. Lines are the same in both texts.
func parseYAML(src []byte) (*document, error) {
	mark, rest := split(src)
	plain := strings.ReplaceAll(string(rest), "\r\n", "\n")
	f, err := parser.ParseBytes([]byte(plain), 0)
	if err != nil {
		return nil, err
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return nil, ErrPlace
	}
	d := &document{src: src, starts: []int{len(mark)}, body: f.Docs[0].Body, tokens: lexer.Tokenize(plain), eol: newline(src)}
	for i, c := range src {
		if c == '\n' {
			d.starts = append(d.starts, i+1)
		}
	}
	return d, nil
}

// offset is where in the text a token begins. It is looked whether the token is there.
func (d *document) offset(t *token.Token) (int, error) {
	if t == nil || t.Position.Line < 1 || t.Position.Line > len(d.starts) {
		return 0, ErrPlace
	}
	at := d.starts[t.Position.Line-1]
	col := 1
	for i := range string(d.src[at:lineEnd(d.src, at)]) {
		if col == t.Position.Column {
			at += i
			break
		}
		col++
	}
	if !bytes.HasPrefix(d.src[at:], []byte(raw(t))) {
		return 0, ErrPlace
	}
	return at, nil
}

// raw is how a token is written, or how it begins when that may be in several ways.
func raw(t *token.Token) string {
	switch t.Type {
	case token.DoubleQuoteType:
		return `"`
	case token.SingleQuoteType:
		return `'`
	}
	first, _, _ := strings.Cut(t.Value, "\n")
	return first
}

// end is the offset behind a token that begins at one.
func (d *document) end(t *token.Token) (int, error) {
	at, err := d.offset(t)
	if err != nil {
		return 0, err
	}
	switch t.Type {
	case token.DoubleQuoteType, token.SingleQuoteType:
		n := quotedLen(d.src[at:])
		if n == 0 {
			return 0, ErrPlace
		}
		return at + n, nil
	}
	return at + len(raw(t)), nil
}

// quotedLen is the length of the quoted text that src begins with; 0 when it does not end.
func quotedLen(src []byte) int {
	quote := src[0]
	for i := 1; i < len(src); i++ {
		switch {
		case src[i] == '\\' && quote == '"':
			i++
		case src[i] == quote && quote == '\'' && i+1 < len(src) && src[i+1] == quote:
			i++
		case src[i] == quote:
			return i + 1
		}
	}
	return 0
}

// index is the place of a node's token among all.
func (d *document) index(t *token.Token) (int, error) {
	if t == nil {
		return 0, ErrPlace
	}
	i := slices.IndexFunc(d.tokens, func(u *token.Token) bool {
		return u.Position.Line == t.Position.Line && u.Position.Column == t.Position.Column && u.Type == t.Type
	})
	if i < 0 {
		return 0, ErrPlace
	}
	return i, nil
}

// before returns the last token before another that is no comment and none of the given types.
func (d *document) before(t *token.Token, skip ...token.Type) (*token.Token, error) {
	i, err := d.index(t)
	if err != nil {
		return nil, err
	}
	skip = append(skip, token.CommentType)
	for i--; i >= 0; i-- {
		if !slices.Contains(skip, d.tokens[i].Type) {
			return d.tokens[i], nil
		}
	}
	return nil, ErrPlace
}

// locate returns the mapping that holds the last key of a path, and the key with its value, or nil when it has none.
func (d *document) locate(path Path) (parent ast.Node, entry *ast.MappingValueNode, err error) {
	parent = d.body
	for _, step := range path[:len(path)-1] {
		if parent = child(parent, step); parent == nil {
			return nil, nil, ErrPlace
		}
	}
	return parent, entryOf(parent, path[len(path)-1]), nil
}

// child is an element of a mapping or a list, or nil.
func child(n ast.Node, step any) ast.Node {
	if i, ok := step.(int); ok {
		if list, ok := n.(*ast.SequenceNode); ok && i < len(list.Values) {
			return list.Values[i]
		}
		return nil
	}
	if e := entryOf(n, step); e != nil {
		return e.Value
	}
	return nil
}

// entryOf is a key of a mapping with its value, or nil.
func entryOf(n ast.Node, key any) *ast.MappingValueNode {
	var all []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		all = n.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{n}
	}
	for _, e := range all {
		if k, ok := e.Key.(*ast.StringNode); ok && k.Value == key {
			return e
		}
	}
	return nil
}
