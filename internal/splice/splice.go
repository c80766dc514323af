// Package splice adds to files that people write, svc.yaml and .proto: what is there stays, byte for byte, and what is
// added looks like its surroundings.
package splice

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// ErrPlace means that a file is written in a way that leaves no place that surely is the right one.
var ErrPlace = errors.New("svc can't tell where to add to it: add it by hand")

// edit puts text in the place of the drop bytes at a byte offset.
type edit struct {
	at, drop int
	text     string
}

// apply carries out edits that don't overlap. Those of one place keep their order.
func apply(src []byte, edits []edit) []byte {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b edit) int { return a.at - b.at })
	var out []byte
	last := 0
	for _, e := range sorted {
		out = append(out, src[last:e.at]...)
		out = append(out, e.text...)
		last = e.at + e.drop
	}
	return append(out, src[last:]...)
}

// byteOrderMark may begin a file. Parsers count from behind it.
const byteOrderMark = "\uFEFF"

// split returns the byte order mark, or "", and the rest.
func split(src []byte) (mark string, rest []byte) {
	if rest, ok := bytes.CutPrefix(src, []byte(byteOrderMark)); ok {
		return byteOrderMark, rest
	}
	return "", src
}

// newline is how the lines of a text end: as its first one does.
func newline(src []byte) string {
	if i := bytes.IndexByte(src, '\n'); i > 0 && src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lineStart is the offset at which the line that holds offset at begins.
func lineStart(src []byte, at int) int { return bytes.LastIndexByte(src[:at], '\n') + 1 }

// lineEnd is the offset at which that line ends, without what ends it.
func lineEnd(src []byte, at int) int {
	end := len(src)
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		end = at + i
	}
	if end > at && src[end-1] == '\r' {
		end--
	}
	return end
}

// nextLine is the offset at which the next line begins; the length of src when there is none.
func nextLine(src []byte, at int) int {
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(src)
}

// indentation is the white space that begins the line.
func indentation(src []byte, at int) string {
	line := src[lineStart(src, at):lineEnd(src, at)]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// leads reports whether nothing but white space is before an offset on its line.
func leads(src []byte, at int) bool {
	return blank(src[lineStart(src, at):at])
}

// blank reports whether a text is white space.
func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// lines joins lines, each behind an indentation unless it is empty.
func lines(indent, eol string, texts []string) string {
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteString(eol)
		}
		if text != "" {
			b.WriteString(indent + text)
		}
	}
	return b.String()
}
