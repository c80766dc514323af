package splice

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Item is what is added to a list: a text, or a mapping.
type Item struct {
	text   string
	fields []Field
}

// Field is a key of a mapping; its value is a text, or a list of texts.
type Field struct {
	Key  string
	Text string
	List []string // instead of Text
}

// Text is an item that is a text.
func Text(s string) Item { return Item{text: s} }

// Mapping is an item that is a mapping.
func Mapping(fields ...Field) Item { return Item{fields: fields} }

// value is what a YAML parser makes of the item.
func (it Item) value() any {
	if it.fields == nil {
		return it.text
	}
	m := map[string]any{}
	for _, f := range it.fields {
		m[f.Key] = f.Text
		if f.List != nil {
			list := make([]any, len(f.List))
			for i, s := range f.List {
				list[i] = s
			}
			m[f.Key] = list
		}
	}
	return m
}

// flow writes the item on one line.
func (it Item) flow() string {
	if it.fields == nil {
		return scalar(it.text)
	}
	parts := make([]string, len(it.fields))
	for i, f := range it.fields {
		parts[i] = f.Key + ": " + f.flow()
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (f Field) flow() string {
	if f.List == nil {
		return scalar(f.Text)
	}
	return flowList(f.List)
}

func flowList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = scalar(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func flowItems(items []Item) string {
	parts := make([]string, len(items))
	for i, it := range items {
		parts[i] = it.flow()
	}
	return strings.Join(parts, ", ")
}

// look is how the mappings of a list are written, for another to look like them.
type look struct {
	flow   bool   // on one line, in braces
	blocks bool   // their lists have a line for each text
	indent string // of such a line, from the key
}

// block writes the item as lines without the indentation that all have.
func (it Item) block(l look) []string {
	if it.fields == nil || l.flow {
		return []string{it.flow()}
	}
	var out []string
	for _, f := range it.fields {
		if f.List == nil || !l.blocks {
			out = append(out, f.Key+": "+f.flow())
			continue
		}
		out = append(out, f.Key+":")
		for _, s := range f.List {
			out = append(out, l.indent+"- "+scalar(s))
		}
	}
	return out
}

// plain is text that needs no quotes, unless it is a word or a number to YAML.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./-]*$`)

// scalar writes s so that YAML reads it back as the same text, quoted only where it must be.
func scalar(s string) string {
	if out, err := yaml.Marshal(s); err == nil && plain.MatchString(s) && string(out) == s+"\n" {
		return s
	}
	return strconv.Quote(s)
}
