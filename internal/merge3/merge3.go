// Package merge3 merges two changed versions of a text by line, as diff3 does. It is pure.
package merge3

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Result is a merged text. Where both sides changed the same lines, or lines that touch, to something different,
// there is a conflict.
type Result struct {
	style  style // of ours
	chunks []chunk
}

// chunk is a run of merged lines, or a conflict.
type chunk struct {
	text     string // merged; of ours in a conflict
	conflict bool
	base     string
	theirs   string
}

// Merge applies to base what ours and theirs changed in it. Line endings, a byte order mark and a missing final newline
// are those of ours.
func Merge(base, ours, theirs string) Result {
	style := styleOf(ours)
	b, o, t := normal(base), normal(ours), normal(theirs)
	m := merger{base: b, ours: hunks(b, o), theirs: hunks(b, t)}
	m.run()
	for i, c := range m.chunks {
		m.chunks[i].text, m.chunks[i].base, m.chunks[i].theirs = style.apply(c.text), style.apply(c.base), style.apply(c.theirs)
	}
	if n := len(m.chunks); n > 0 {
		if last := &m.chunks[n-1]; style.noFinalNewline && !last.conflict {
			last.text = strings.TrimSuffix(last.text, style.newline)
		}
	}
	return Result{style, m.chunks}
}

// Conflicts counts the places that need a decision.
func (r Result) Conflicts() int {
	n := 0
	for _, c := range r.chunks {
		if c.conflict {
			n++
		}
	}
	return n
}

// Lines returns where in ours the conflicts are, from 1: the lines of Text that they start at.
func (r Result) Lines() []int {
	var list []int
	line := 1
	for _, c := range r.chunks {
		if c.conflict {
			list = append(list, line)
		}
		line += strings.Count(c.text, "\n")
	}
	return list
}

// Text returns the merged text, with ours where there is a conflict.
func (r Result) Text() string {
	var b strings.Builder
	b.WriteString(r.style.mark)
	for _, c := range r.chunks {
		b.WriteString(c.text)
	}
	return b.String()
}

// Marked returns the merged text with git's diff3 markers round each conflict.
func (r Result) Marked(ours, base, theirs string) string {
	var b strings.Builder
	b.WriteString(r.style.mark)
	for _, c := range r.chunks {
		if !c.conflict {
			b.WriteString(c.text)
			continue
		}
		b.WriteString(r.style.apply("<<<<<<< "+ours+"\n") + whole(c.text))
		b.WriteString(r.style.apply("||||||| "+base+"\n") + whole(c.base))
		b.WriteString(r.style.apply("=======\n") + whole(c.theirs))
		b.WriteString(r.style.apply(">>>>>>> " + theirs + "\n"))
	}
	return b.String()
}

// whole ends a text with a newline, so that a marker starts a line.
func whole(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}

// hunk replaces base[start:end], whole lines.
type hunk struct {
	start, end int
	text       string
}

func hunks(base, changed string) []hunk {
	var list []hunk
	for _, e := range udiff.Lines(base, changed) {
		list = append(list, hunk{e.Start, e.End, e.New})
	}
	return list
}

type merger struct {
	base         string
	ours, theirs []hunk
	pos          int // in base, up to which chunks are complete
	chunks       []chunk
}

func (m *merger) run() {
	for len(m.ours) > 0 || len(m.theirs) > 0 {
		start, end, ours, theirs := m.region()
		m.keep(m.base[m.pos:start])
		m.pos = end
		was := m.base[start:end]
		o, t := patch(was, start, ours), patch(was, start, theirs)
		switch {
		case len(theirs) == 0, o == t:
			m.keep(o)
		case len(ours) == 0:
			m.keep(t)
		default:
			m.chunks = append(m.chunks, chunk{text: o, conflict: true, base: was, theirs: t})
		}
	}
	m.keep(m.base[m.pos:])
}

// region takes the next hunks of both sides that overlap or touch.
func (m *merger) region() (start, end int, ours, theirs []hunk) {
	start = len(m.base)
	for _, side := range [][]hunk{m.ours, m.theirs} {
		if len(side) > 0 {
			start = min(start, side[0].start)
		}
	}
	end = start
	for grew := true; grew; {
		grew = false
		for _, side := range []struct{ from, to *[]hunk }{{&m.ours, &ours}, {&m.theirs, &theirs}} {
			for len(*side.from) > 0 && (*side.from)[0].start <= end {
				h := (*side.from)[0]
				*side.from, *side.to = (*side.from)[1:], append(*side.to, h)
				end, grew = max(end, h.end), true
			}
		}
	}
	return start, end, ours, theirs
}

// patch applies hunks to a part of base that starts at offset.
func patch(part string, offset int, list []hunk) string {
	var b strings.Builder
	pos := 0
	for _, h := range list {
		b.WriteString(part[pos : h.start-offset])
		b.WriteString(h.text)
		pos = h.end - offset
	}
	b.WriteString(part[pos:])
	return b.String()
}

func (m *merger) keep(text string) {
	if text != "" {
		m.chunks = append(m.chunks, chunk{text: text})
	}
}

// style is how a text is written, apart from what it says.
type style struct {
	mark           string // byte order mark, or ""
	newline        string
	noFinalNewline bool
}

const byteOrderMark = "\uFEFF"

func styleOf(s string) style {
	st := style{newline: "\n", noFinalNewline: s != "" && !strings.HasSuffix(s, "\n")}
	if strings.HasPrefix(s, byteOrderMark) {
		st.mark = byteOrderMark
	}
	if crlf := strings.Count(s, "\r\n"); crlf > 0 && crlf == strings.Count(s, "\n") { // of a mixture, each line is as it is
		st.newline = "\r\n"
	}
	return st
}

// normal writes a text without a byte order mark, with plain newlines and a final one.
func normal(s string) string {
	s = strings.TrimPrefix(s, byteOrderMark)
	if styleOf(s).newline == "\r\n" {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	return whole(s)
}

func (st style) apply(s string) string {
	if st.newline == "\n" {
		return s
	}
	return strings.ReplaceAll(s, "\n", st.newline)
}
