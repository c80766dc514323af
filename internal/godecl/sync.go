package godecl

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/merge3"
)

// Input is one file of a package in three versions.
type Input struct {
	Base []byte // as svc emitted it last
	Disk []byte // as its owner has it
	New  []byte // as svc emits it now
	// Elsewhere reports whether another file of the package declares something: its owner may have moved it there.
	Elsewhere func(key string) bool
	// Only keeps Sync from adding: Disk is another file of the package than the one that svc emits.
	Only bool
	// Renamed maps a declaration of Base to the one of New that it has become, e.g. "Catalog.Get" to "Catalog.Fetch".
	Renamed map[string]string
}

// Note tells the owner about one declaration.
type Note struct {
	Line int // in the result, from 1
	Text string
}

// Output is the file brought up to date.
type Output struct {
	Content []byte
	Notes   []Note
	// Conflicts are declarations that both sides changed in a way that can't be merged; the owner's stay.
	Conflicts []Note
}

// Sync brings Disk from Base to New: declarations that New adds are added, those that it drops go unless their owner has
// touched them, and where a signature changed it follows while the body stays. It fails when a version does not parse.
func Sync(in Input) (Output, error) {
	s := &syncer{in: in}
	var err error
	if s.base, err = parse(in.Base); err != nil {
		return Output{}, fmt.Errorf("base: %w", err)
	}
	if s.next, err = parse(in.New); err != nil {
		return Output{}, fmt.Errorf("new: %w", err)
	}
	if s.disk, err = parse(in.Disk); err != nil {
		return Output{}, err
	}
	s.came = map[string]string{}
	for from, to := range in.Renamed {
		s.came[to] = from
	}
	for _, b := range s.base.decls {
		s.follow(b)
	}
	if !in.Only {
		s.add()
	}
	s.syncImports()
	content := s.edits.apply(in.Disk)
	if s.dropped {
		content = emptyLines(content)
	}
	return Output{Content: content, Notes: s.lines(s.notes), Conflicts: s.lines(s.conflicts)}, nil
}

type syncer struct {
	in               Input
	base, next, disk *file
	came             map[string]string // keys of Base by key of New, for what was renamed
	edits            edits
	notes, conflicts []placed
	wanted           []string // import paths that spliced text needs
	dropped          bool     // an import went
}

// placed is a note at an offset of Disk.
type placed struct {
	offset int
	text   string
}

// follow brings one declaration that svc emitted last up to date.
func (s *syncer) follow(b *decl) {
	d := s.disk.byKey[b.key]
	if d == nil {
		return // its owner deleted it, or has it in another file
	}
	key := b.key
	if to, ok := s.in.Renamed[key]; ok {
		key = to
	}
	n := s.next.byKey[key]
	untouched := Same(s.bytes(s.base, b), s.bytes(s.disk, d))
	switch {
	case n == nil && untouched:
		s.edits.add(s.gap(d), d.end, "")
	case n == nil:
		s.note(d, "%s is no longer in the contract; you changed it, so it stays", b.key)
	case Same(s.bytes(s.base, b), s.bytes(s.next, n)):
	case untouched:
		s.edits.add(d.start, d.end, s.adopt(n.start, n.end))
	default:
		s.change(b, d, n)
	}
}

func (s *syncer) bytes(f *file, d *decl) []byte { return f.src[d.start:d.end] }

// gap is where the white space before a declaration starts, so that a deletion leaves no hole.
func (s *syncer) gap(d *decl) int {
	return len(strings.TrimRight(s.disk.text(0, d.start), " \t\r\n"))
}

// change brings a declaration that its owner has touched up to date.
func (s *syncer) change(b, d, n *decl) {
	bf, ok1 := b.node.(*ast.FuncDecl)
	df, ok2 := d.node.(*ast.FuncDecl)
	nf, ok3 := n.node.(*ast.FuncDecl)
	if !ok1 || !ok2 || !ok3 {
		s.merge(b, d, n)
		return
	}
	s.doc(b, d, n)
	if bf.Name.Name != nf.Name.Name && df.Name.Name == bf.Name.Name {
		s.edits.add(s.disk.offset(df.Name.Pos()), s.disk.offset(df.Name.End()), nf.Name.Name)
		s.note(d, "%s is now called %s", b.key, n.key)
	}
	s.signature(bf, d, df, nf)
}

// merge merges a declaration by line.
func (s *syncer) merge(b, d, n *decl) {
	r := merge3.Merge(s.base.text(b.start, b.end), s.disk.text(d.start, d.end), s.next.text(n.start, n.end))
	if r.Conflicts() > 0 {
		s.conflicts = append(s.conflicts, placed{d.body, fmt.Sprintf("%s: you and svc changed the same lines", b.key)})
		return
	}
	s.edits.add(d.start, d.end, r.Text())
}

// doc follows the contract's comment where its owner left it as it was.
func (s *syncer) doc(b, d, n *decl) {
	was, is, next := s.base.text(b.start, b.body), s.disk.text(d.start, d.body), s.next.text(n.start, n.body)
	if was != next && strings.TrimSpace(was) == strings.TrimSpace(strings.ReplaceAll(is, "\r\n", "\n")) {
		s.edits.add(d.start, d.body, next)
	}
}

// signature makes parameters and results those of the contract. The owner's names for them stay where the shape is the same.
func (s *syncer) signature(b *ast.FuncDecl, d *decl, df, n *ast.FuncDecl) {
	was, is, next := types(s.base, b), types(s.disk, df), types(s.next, n)
	if slices.Equal(texts(was), texts(next)) {
		return
	}
	if len(was) != len(next) || len(is) != len(next) {
		s.edits.add(s.disk.offset(df.Type.Params.Pos()), s.disk.offset(df.Type.End()), s.adopt(s.next.offset(n.Type.Params.Pos()), s.next.offset(n.Type.End())))
		s.note(d, "%s has another kind of signature: check the body", n.Name.Name)
		return
	}
	for i := range next {
		if was[i].text != next[i].text && is[i].text != next[i].text {
			s.edits.add(is[i].start, is[i].end, s.adopt(next[i].start, next[i].end))
			s.note(d, "%s: %s → %s: check the body", n.Name.Name, was[i].text, next[i].text)
		}
	}
}

// typeAt is the type of one parameter or result.
type typeAt struct {
	text       string
	start, end int
}

func texts(list []typeAt) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.text
	}
	return out
}

func types(f *file, fn *ast.FuncDecl) []typeAt {
	var list []typeAt
	for _, fields := range []*ast.FieldList{fn.Type.Params, fn.Type.Results} {
		if fields == nil {
			continue
		}
		for _, field := range fields.List {
			list = append(list, typeAt{f.nodeText(field.Type), f.offset(field.Type.Pos()), f.offset(field.Type.End())})
		}
	}
	return list
}

// add appends what New has and Base has not, each after the declaration that precedes it in New.
func (s *syncer) add() {
	for i, n := range s.next.decls {
		_, renamed := s.came[n.key]
		if renamed || s.base.byKey[n.key] != nil || s.disk.byKey[n.key] != nil || s.in.Elsewhere(n.key) {
			continue
		}
		at := len(strings.TrimRight(string(s.in.Disk), " \t\r\n"))
		for _, before := range slices.Backward(s.next.decls[:i]) {
			if d := s.disk.byKey[before.key]; d != nil {
				at = d.end
				break
			}
		}
		s.edits.add(at, at, "\n\n"+s.adopt(n.start, n.end))
	}
}

func (s *syncer) note(d *decl, format string, args ...any) {
	s.notes = append(s.notes, placed{d.body, fmt.Sprintf(format, args...)})
}

// lines turns offsets of Disk into lines of the result.
func (s *syncer) lines(list []placed) []Note {
	var notes []Note
	for _, p := range list {
		notes = append(notes, Note{Line: s.edits.lineAfter(s.in.Disk, p.offset), Text: p.text})
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Line - b.Line })
	return notes
}
