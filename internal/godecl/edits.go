package godecl

import (
	"bytes"
	"cmp"
	"slices"
)

// edits are replacements of parts of a text. They don't overlap; what is inserted at one place
// is in the order it was added, and comes before what is replaced there.
type edits []edit

type edit struct {
	start, end int
	text       string
}

func (e *edits) add(start, end int, text string) { *e = append(*e, edit{start, end, text}) }

func (e edits) sorted() edits {
	list := slices.Clone(e)
	slices.SortStableFunc(list, func(a, b edit) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	return list
}

// apply returns src with all edits. New lines end as those of src do.
func (e edits) apply(src []byte) []byte {
	newline := []byte("\n")
	if bytes.Contains(src, []byte("\r\n")) {
		newline = []byte("\r\n")
	}
	var out []byte
	pos := 0
	for _, x := range e.sorted() {
		out = append(out, src[pos:x.start]...)
		out = append(out, bytes.ReplaceAll([]byte(x.text), []byte("\n"), newline)...)
		pos = x.end
	}
	return append(out, src[pos:]...)
}

// lineAfter is the line, from 1, that an offset of src is at after all edits.
func (e edits) lineAfter(src []byte, offset int) int {
	line := 1 + bytes.Count(src[:offset], []byte("\n"))
	for _, x := range e {
		if x.start < offset {
			line += bytes.Count([]byte(x.text), []byte("\n")) - bytes.Count(src[x.start:min(x.end, offset)], []byte("\n"))
		}
	}
	return line
}
