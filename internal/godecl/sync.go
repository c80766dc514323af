package godecl

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"slices"
	"strings"
)

// Change is what svc emits for a package, in two versions. Files that are the same in both may be left out.
type Change struct {
	Base []*File // as svc emitted them last
	New  []*File // as svc emits them now
	// Renamed maps a method or test of Base to the one of New that it has become, e.g. "Catalog.Get" to "Catalog.Fetch".
	// Declarations of the package itself have the name of New in all versions: see Rename.
	Renamed map[string]string
	// Types maps a type that svc emits to the name that the package's owner has given it.
	Types map[string]string
	// Keep tells why a declaration stays that svc no longer emits, though nobody has touched it; "" lets it go.
	Keep func(key string) string
	// Declared reports whether any file of the package declares something.
	Declared func(key string) bool
	// Spare reports whether all files of the package that declare something have it as Stub says. Without it, a file's own
	// declarations are all that is known.
	Spare func(key string) bool
}

// Note tells the owner about one declaration, or about the file when it has no line.
type Note struct {
	Line int // in the result, from 1, or 0
	Text string
}

// Output is a file brought up to date.
type Output struct {
	Content []byte
	Notes   []Note
	// Conflicts are declarations that both sides changed in a way that can't be merged; the owner's stay.
	Conflicts []Note
}

// Sync brings a file of the package from Base to New: declarations that New drops go unless their owner has touched
// them, where a signature changed it follows while the body stays, and what add lists of New is added.
func (c *Change) Sync(disk *File, add []string) Output {
	s := &syncer{Change: c, disk: disk, base: byKey(c.Base), next: byKey(c.New), wanted: map[string]string{}}
	s.moveImports()
	for _, f := range c.Base {
		for _, b := range f.decls {
			s.follow(b)
		}
	}
	s.makeRoom()
	s.add(add)
	return s.output()
}

type syncer struct {
	*Change
	disk             *File
	base, next       map[string]*decl
	movedImports     map[string]string // old import path by new
	edits            edits
	notes, conflicts []placed
	wanted           map[string]string // imports that spliced text needs: name by path
}

// placed is a note on a declaration of the result.
type placed struct{ key, text string }

func byKey(files []*File) map[string]*decl {
	out := map[string]*decl{}
	for _, f := range files {
		for _, d := range f.decls {
			out[d.key] = d
		}
	}
	return out
}

// own is what the package's owner calls a declaration of svc's.
func (c *Change) own(key string) string {
	if t, method, ok := strings.Cut(key, "."); ok && c.Types[t] != "" {
		return c.Types[t] + "." + method
	}
	return key
}

// now is what a declaration of Base is called in New.
func (c *Change) now(key string) string {
	if to, ok := c.Renamed[key]; ok {
		return to
	}
	return key
}

// follow brings one declaration that svc emitted last up to date.
func (s *syncer) follow(b *decl) {
	key, to := s.own(b.key), s.own(s.now(b.key))
	n := s.next[s.now(b.key)]
	d := s.disk.byKey[key]
	if d == nil {
		d = s.disk.byKey[to] // an earlier run, or its owner, has renamed it
	}
	switch {
	case s.disk.Foreign() && !isTest(b.key): // it only has the same name
	case n != nil && same(b.text(), n.text()):
	case d == nil && s.disk.grouped[key] != nil:
		s.group(b, n)
	case d == nil, s.came(b.key) != b.key && s.spare(s.came(b.key)): // its owner deleted it, or has it in another file, or it makes room
	case n == nil:
		s.remove(b, d)
	case d.key != to && s.Declared(to) && !s.spare(b.key) && !s.makesWay(s.now(b.key)):
		s.note(d.key, "%s is now called %s, which you have already: move what it does there", name(d.key), name(to))
	case s.untouched(b, d):
		s.replace(d.start, d.end, s.render(n, n.start, n.end, s.receiverOf(n, d)))
	default:
		s.change(b, d, n)
	}
}

// name is a declaration's name without its receiver.
func name(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

func (s *syncer) replace(start, end int, text string) {
	if plain(text) != plain(s.disk.text(start, end)) {
		s.edits.add(start, end, text)
	}
}

// untouched reports whether a declaration is as svc emitted it, apart from what its owner calls imports and the receiver.
func (s *syncer) untouched(b, d *decl) bool {
	return same(b.text(), d.text()) || same(s.compare(b, b.start, b.end, s.receiverOf(b, d)), d.text())
}

// remove takes away a declaration that New has no more.
func (s *syncer) remove(b, d *decl) {
	switch reason := s.Keep(b.key); {
	case !s.untouched(b, d):
		s.note(d.key, "%s is no longer in the contract; you changed it, so it stays", name(d.key))
	case reason != "":
		s.note(d.key, "%s is no longer in the contract; %s, so it stays", name(d.key), reason)
	default:
		s.edits.add(s.gap(d), d.end, "")
	}
}

// gap is where the white space before a declaration starts, so that a deletion leaves no hole. It stays where something
// else follows on the line, which a comment before it would swallow.
func (s *syncer) gap(d *decl) int {
	rest := strings.TrimLeft(s.disk.text(d.end, len(s.disk.src)), " \t\r")
	if rest != "" && rest[0] != '\n' {
		return d.start
	}
	return len(strings.TrimRight(s.disk.text(0, d.start), " \t\r\n"))
}

// add appends declarations of New, each after the one that precedes it there.
func (s *syncer) add(keys []string) {
	for _, f := range s.New {
		for i, n := range f.decls {
			if !slices.Contains(keys, n.key) {
				continue
			}
			at := s.after(f.decls[:i])
			text := s.render(n, n.start, n.end, s.receiverLike(n))
			s.edits.add(at, at, "\n\n"+text)
		}
	}
}

// after is the end of the last of those declarations that the file has, or of the file.
func (s *syncer) after(list []*decl) int {
	for _, before := range slices.Backward(list) {
		for _, key := range []string{before.key, s.came(before.key)} {
			if d := s.disk.byKey[s.own(key)]; d != nil {
				return d.end
			}
		}
	}
	return len(strings.TrimRight(string(s.disk.src), " \t\r\n"))
}

// came is what a declaration of New was called in Base.
func (c *Change) came(key string) string {
	for from, to := range c.Renamed {
		if to == key {
			return from
		}
	}
	return key
}

func (s *syncer) note(key, format string, args ...any) {
	s.notes = append(s.notes, placed{key, fmt.Sprintf(format, args...)})
}

func (s *syncer) conflict(key, format string, args ...any) {
	s.conflicts = append(s.conflicts, placed{key, fmt.Sprintf(format, args...)})
}

var errBroken = errors.New("bringing it up to date by itself would break it: what svc emits has changed, and it stays as it is")

// output applies the edits, and sees to the imports of what they make.
func (s *syncer) output() Output {
	if len(s.edits) == 0 {
		return Output{Content: s.disk.src, Notes: lines(s.disk, nil, s.notes), Conflicts: lines(s.disk, nil, s.conflicts)}
	}
	if s.edits.overlap() {
		return Output{Content: s.disk.src, Conflicts: []Note{{Text: errBroken.Error()}}}
	}
	after, err := parse("", s.edits.apply(s.disk.src), parser.ParseComments) // with objects, which imports asks for
	if err != nil {
		return Output{Content: s.disk.src, Conflicts: []Note{{Text: errBroken.Error()}}}
	}
	imports := s.imports(after)
	content := imports.apply(after.src)
	if len(s.movedImports) > 0 { // which may have to be sorted anew
		content = []byte(tidyAll(string(s.disk.src), string(content)))
	}
	return Output{Content: content, Notes: lines(after, imports, s.notes), Conflicts: lines(after, imports, s.conflicts)}
}

// lines finds the declarations of notes in a file that gets some more edits.
func lines(f *File, more edits, list []placed) []Note {
	var notes []Note
	for _, p := range list {
		n := Note{Text: p.text}
		if d := f.byKey[p.key]; d != nil {
			n.Line = more.lineAfter(f.src, d.body)
		} else if g := f.grouped[p.key]; g != nil {
			n.Line = more.lineAfter(f.src, f.specOffset(g, p.key))
		}
		notes = append(notes, n)
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Line - b.Line })
	return notes
}

// specOffset is where a group declares a name.
func (f *File) specOffset(g *ast.GenDecl, name string) int {
	for _, spec := range g.Specs {
		for _, id := range namesOf(spec) {
			if id.Name == name {
				return f.offset(id.Pos())
			}
		}
	}
	return f.offset(g.Pos())
}
