// Package handlers brings the handlers of a folder up to date with the contract. Several services may share a folder, and
// its owner may have put what svc emitted into any file of it: it is looked for by declaration. The package is pure.
package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"go/scanner"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/godecl"
)

// Package is the handlers of one folder in three versions.
type Package struct {
	Base, New map[string][]byte // what svc emitted last and emits now, by path (slashes, from the project's root)
	Disk      map[string][]byte // every .go file of the folder as its owner has it, by path
	Renamed   map[string]string // declarations of Base → New, e.g. "Catalog.Get" → "Catalog.Fetch", "Catalog" → "Products"
	Moved     map[string]string // paths of Base → New of the same file, as of a renamed service
	Late      map[string]string // methods on Disk that Base and New have under another name
}

// File is what becomes of one file.
type File struct {
	Content          []byte // nil deletes it, if it is there
	Notes, Conflicts []godecl.Note
	// Waits tells that what svc emits at this path now has not found its place yet. Its base has to stay as it is, so
	// that another run comes back to it.
	Waits bool
	Asks  bool  // a note asks its owner to do something: until then each run does
	Err   error // it doesn't parse, with the position: it is left alone
}

// Sync returns the files that change, are created or deleted, or have something to report, by path.
func Sync(p Package) map[string]File {
	s := &session{in: p, emitted: pairs(p), out: map[string]*File{}}
	if len(s.emitted) == 0 {
		return map[string]File{}
	}
	s.parse()
	s.recall()
	s.rename()
	s.prepare()
	s.place()
	s.keep()
	for _, name := range slices.Sorted(maps.Keys(s.disk)) {
		s.sync(name)
	}
	s.create()
	s.move()
	return s.result()
}

// emitted is a file that svc emits differently now.
type emitted struct {
	was, is      string // its path then and now; "" for none
	old, content []byte // what svc emitted then and emits now
	base, next   *godecl.File
}

// pairs lists the files of Base and New that differ, or that something is still to be done in, by path.
func pairs(p Package) []*emitted {
	var list []*emitted
	come := map[string]bool{}
	for _, was := range slices.Sorted(maps.Keys(p.Base)) {
		e := &emitted{was: was, is: was, old: p.Base[was]}
		if to, ok := p.Moved[was]; ok && p.New[to] != nil {
			e.is = to
		}
		come[e.is] = true
		e.content = p.New[e.is]
		if e.content == nil {
			e.is = ""
		}
		if e.is != was || !bytes.Equal(e.old, e.content) || len(p.Late) > 0 {
			list = append(list, e)
		}
	}
	for _, is := range slices.Sorted(maps.Keys(p.New)) {
		if !come[is] {
			list = append(list, &emitted{is: is, content: p.New[is]})
		}
	}
	return list
}

// session is one run of Sync.
type session struct {
	in      Package
	emitted []*emitted
	disk    map[string]*godecl.File // those that parse
	broken  map[string]error        // those that don't
	change  *godecl.Change
	adds    map[string][]string // keys to add, by the path of the file that gets them
	homes   map[*emitted]string // where new declarations of an emitted file go
	kept    map[string]string   // why what svc no longer emits stays, by key
	out     map[string]*File
}

// parse reads what there is. A file of svc's that can't be read stops what depends on it only.
func (s *session) parse() {
	s.disk, s.broken = map[string]*godecl.File{}, map[string]error{}
	for name, src := range s.in.Disk {
		if f, err := godecl.Parse(path.Base(name), src); err == nil {
			s.disk[name] = f
		} else {
			s.broken[name] = first(err)
			s.file(name).Err = first(err)
		}
	}
	s.emitted = slices.DeleteFunc(s.emitted, func(e *emitted) bool {
		var err error
		if e.base, err = parseOr(e.was, e.old, e.content); err != nil {
			s.fail(e, fmt.Errorf("what svc emitted last: %w", err))
			return true
		}
		if e.next, err = parseOr(e.is, e.content, e.old); err != nil {
			s.fail(e, fmt.Errorf("what svc emits: %w", err))
		}
		return err != nil
	})
}

// first is the first of a file's syntax errors: the others are mostly its consequences.
func first(err error) error {
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return list[0]
	}
	return err
}

// parseOr parses a version of a file; where there is none it is an empty one of the other's package.
func parseOr(name string, src, other []byte) (*godecl.File, error) {
	if name != "" {
		return godecl.Parse(path.Base(name), src)
	}
	f, err := godecl.Parse("", other)
	if err != nil {
		return nil, err
	}
	return godecl.Parse("", []byte("package "+f.PackageName()+"\n"))
}

func (e *emitted) path() string {
	if e.is != "" {
		return e.is
	}
	return e.was
}

func (s *session) fail(e *emitted, err error) {
	f := s.file(e.path())
	f.Err, f.Waits = err, true
}

// file is what is said about a path so far. Its content is that on disk until something changes it.
func (s *session) file(name string) *File {
	if s.out[name] == nil {
		s.out[name] = &File{Content: s.in.Disk[name]}
		if _, exists := s.in.Disk[name]; exists && s.out[name].Content == nil {
			s.out[name].Content = []byte{} // empty, and there
		}
	}
	return s.out[name]
}

func (s *session) note(name, format string, args ...any) {
	f := s.file(name)
	f.Notes = append(f.Notes, godecl.Note{Text: fmt.Sprintf(format, args...)})
}

func (s *session) conflict(name, format string, args ...any) {
	f := s.file(name)
	f.Conflicts = append(f.Conflicts, godecl.Note{Text: fmt.Sprintf(format, args...)})
	f.Waits = true
}

// result leaves out files about which there is nothing to say.
func (s *session) result() map[string]File {
	out := map[string]File{}
	for name, f := range s.out {
		src, exists := s.in.Disk[name]
		changed := exists != (f.Content != nil) || !bytes.Equal(src, f.Content)
		if changed || f.Err != nil || f.Waits || len(f.Notes)+len(f.Conflicts) > 0 {
			out[name] = *f
		}
	}
	return out
}

// declared reports whether a readable file declares something, under the name that its owner gives it.
func (s *session) declared(key string) bool { return s.declaredBeside("", key) }

func (s *session) declaredBeside(name, key string) bool {
	for other, f := range s.disk {
		if other != name && f.Declares(key) && (!f.Foreign() || isTest(key)) {
			return true
		}
	}
	return false
}

// isTest tells tests, which may be in the package next to the one that they test.
func isTest(key string) bool { return strings.HasPrefix(key, "Test") }

// mayDeclare is a file that can't be read and holds the name of a declaration, or "".
func (s *session) mayDeclare(key string) string {
	name := key[strings.LastIndexByte(key, '.')+1:]
	for _, p := range slices.Sorted(maps.Keys(s.broken)) {
		if bytes.Contains(s.in.Disk[p], []byte(name)) {
			return p
		}
	}
	return ""
}
