// Package diag describes what is wrong with an input – a contract, a manifest, a template – so that
// a person can act on it: where it is, what is wrong, what to do.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pos is a place in an input file. Line and Col, which counts characters, start at 1; a zero Line means the file as a whole.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
}

// String prints the position as file:line:col, the form that editors and terminals link.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, max(p.Col, 1))
}

// Compare orders positions by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Diagnostic is one finding.
type Diagnostic struct {
	Pos
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`   // what to do about it
	Source  string `json:"source,omitempty"` // the line at Pos, without its newline
}

// Set is all findings of a run. A non-empty Set is an error.
type Set []Diagnostic

// At adds a finding. Its message is the same from one build of svc to another: protobuf-go, to keep programs from
// depending on its errors, puts a no-break space into those of every other build.
func (s *Set) At(pos Pos, hint, format string, args ...any) {
	message := strings.ReplaceAll(fmt.Sprintf(format, args...), "\u00a0", " ")
	*s = append(*s, Diagnostic{Pos: pos, Message: message, Hint: hint})
}

// Err returns the findings sorted by position and without duplicates, or nil when there are none.
func (s Set) Err() error {
	if len(s) == 0 {
		return nil
	}
	sorted := slices.Clone(s)
	slices.SortStableFunc(sorted, compare)
	return slices.CompactFunc(sorted, func(a, b Diagnostic) bool { return a.Pos == b.Pos && a.Message == b.Message })
}

// compare is total. Of two findings that differ in their hint only, the one that has one comes first, and is kept.
func compare(a, b Diagnostic) int {
	return cmp.Or(a.Compare(b.Pos), strings.Compare(a.Message, b.Message), strings.Compare(b.Hint, a.Hint))
}

// Error prints every finding with its line and hint.
func (s Set) Error() string {
	var b strings.Builder
	for i, d := range s {
		if i > 0 {
			b.WriteByte('\n')
		}
		d.write(&b)
	}
	return b.String()
}

func (d Diagnostic) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s: %s", d.Pos, d.Message)
	if readable(d.Source) {
		gutter := fmt.Sprintf("%5d", d.Line)
		fmt.Fprintf(b, "\n%s | %s", gutter, expandTabs(d.Source))
		if before := []rune(d.Source); d.Col > 0 && d.Col <= len(before)+1 {
			width := utf8.RuneCountInString(expandTabs(string(before[:d.Col-1])))
			fmt.Fprintf(b, "\n%s | %s^", strings.Repeat(" ", len(gutter)), strings.Repeat(" ", width))
		}
	}
	if d.Hint != "" {
		fmt.Fprintf(b, "\n      → %s", d.Hint)
	}
}

// readable reports whether a line helps a person, and does a terminal no harm.
func readable(line string) bool {
	const most = 200
	harmful := func(r rune) bool { return r == utf8.RuneError || r != '\t' && unicode.IsControl(r) }
	return line != "" && len(line) <= most && !strings.ContainsFunc(line, harmful)
}

// expandTabs writes tabs as the spaces to the next multiple of 8.
func expandTabs(line string) string {
	var b strings.Builder
	for i, text := range strings.Split(line, "\t") {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", 8-utf8.RuneCountInString(b.String())%8))
		}
		b.WriteString(text)
	}
	return b.String()
}

// WithSource fills in the line that each finding points at; read returns a file's bytes.
// A file that can't be read leaves its findings as they are.
func (s Set) WithSource(read func(file string) ([]byte, error)) Set {
	lines := map[string][]string{}
	out := slices.Clone(s)
	for i, d := range out {
		if d.Line == 0 || d.Source != "" {
			continue
		}
		if _, ok := lines[d.File]; !ok {
			content, err := read(d.File)
			if err != nil {
				content = nil
			}
			lines[d.File] = strings.Split(string(content), "\n")
		}
		if l := lines[d.File]; d.Line <= len(l) {
			out[i].Source = strings.TrimRight(l[d.Line-1], "\r")
		}
	}
	return out
}
