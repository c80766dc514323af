package godecl

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
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

// overlap reports whether two edits want the same bytes.
func (e edits) overlap() bool {
	list := e.sorted()
	for i := 1; i < len(list); i++ {
		if list[i].start < list[i-1].end {
			return true
		}
	}
	return false
}

// apply returns src with all edits. New lines end as those of src do.
func (e edits) apply(src []byte) []byte {
	newline := newlineOf(src)
	var out []byte
	pos := 0
	for _, x := range e.sorted() {
		out = append(out, src[pos:x.start]...)
		out = append(out, strings.ReplaceAll(plain(x.text), "\n", newline)...)
		pos = x.end
	}
	return append(out, src[pos:]...)
}

// part returns src[start:end] with those edits, which are all in it.
func (e edits) part(src []byte, start, end int) string {
	own := slices.Clone(e)
	for i := range own {
		own[i].start -= start
		own[i].end -= start
	}
	return string(own.apply(src[start:end]))
}

// newlineOf is how most lines of src end.
func newlineOf(src []byte) string {
	if crlf := bytes.Count(src, []byte("\r\n")); crlf > 0 && 2*crlf > bytes.Count(src, []byte("\n")) {
		return "\r\n"
	}
	return "\n"
}

// lineAfter is the line, from 1, that an offset of src is at after all edits.
func (e edits) lineAfter(src []byte, offset int) int {
	line := 1 + bytes.Count(src[:offset], []byte("\n"))
	for _, x := range e {
		if x.start < offset {
			line += strings.Count(x.text, "\n") - bytes.Count(src[x.start:min(x.end, offset)], []byte("\n"))
		}
	}
	return line
}
