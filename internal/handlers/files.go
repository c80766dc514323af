package handlers

import (
	"bytes"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/godecl"
)

// sync brings one file on disk up to date.
func (s *session) sync(name string) {
	if s.pristine(name) {
		return
	}
	r := s.change.Sync(s.disk[name], s.adds[name])
	f := s.file(name)
	relocate(f.Notes, f.Content, r.Content)
	f.Content = r.Content
	f.Notes = append(f.Notes, r.Notes...)
	f.Conflicts = append(f.Conflicts, r.Conflicts...)
	f.Waits = f.Waits || len(r.Conflicts) > 0
	for _, e := range s.emitted {
		if e.is == "" && s.in.New[name] == nil && holds(s.disk[name], e.base) && s.emptied(r.Content, e) {
			f.Content = nil
		}
	}
}

// relocate has notes on lines of a text follow these to where they are in another.
func relocate(notes []godecl.Note, was, is []byte) {
	before, after := bytes.Split(was, []byte("\n")), bytes.Split(is, []byte("\n"))
	for i, n := range notes {
		for distance := range len(after) {
			if at := slices.IndexFunc([]int{n.Line - distance, n.Line + distance}, func(line int) bool {
				return n.Line > 0 && line > 0 && line <= len(after) && bytes.Equal(before[n.Line-1], after[line-1])
			}); at >= 0 {
				notes[i].Line = []int{n.Line - distance, n.Line + distance}[at]
				break
			}
		}
	}
}

// emptied reports whether a file that svc no longer emits has nothing left.
func (s *session) emptied(content []byte, e *emitted) bool {
	f, err := godecl.Parse("", content)
	return err == nil && f.Empty(e.base)
}

// Holds reports whether a file declares anything that another one does, in the same package or in tests of it.
func Holds(content, other []byte) bool {
	f, err1 := godecl.Parse("", content)
	o, err2 := godecl.Parse("", other)
	return err1 == nil && err2 == nil && holds(f, o)
}

func holds(f, other *godecl.File) bool {
	return slices.ContainsFunc(other.Keys(), func(key string) bool { return f.Declares(key) && (!f.Foreign() || isTest(key)) })
}

// pristine replaces a file that nobody has touched by what svc emits, if nothing of it is anywhere else.
func (s *session) pristine(name string) bool {
	for _, e := range s.emitted {
		if e.was != name || !bytes.Equal(s.in.Disk[name], e.old) {
			continue
		}
		if s.out[e.path()] != nil && s.out[e.path()].Waits || !s.alone(e, name) {
			return false
		}
		s.file(name).Content, s.file(name).Notes = e.content, nil
		return true
	}
	return false
}

// alone reports whether a file holds all that svc emitted into it, gets all that svc emits, and nothing else.
func (s *session) alone(e *emitted, name string) bool {
	for _, key := range e.base.Keys() {
		if s.declaredBeside(name, key) || s.kept[key] != "" || s.goesOn(e, key) {
			return false
		}
	}
	next := e.next.Keys()
	for _, key := range next {
		present := s.disk[name].Declares(key) || slices.Contains(s.adds[name], key) || s.disk[name].Declares(s.cameFrom(key))
		if s.declaredBeside(name, key) || !present {
			return false
		}
	}
	return !slices.ContainsFunc(s.adds[name], func(key string) bool { return !slices.Contains(next, key) })
}

// goesOn reports whether svc emits a declaration of a file in another one now.
func (s *session) goesOn(e *emitted, key string) bool {
	if to, ok := s.change.Renamed[key]; ok {
		key = to
	}
	return slices.ContainsFunc(s.emitted, func(other *emitted) bool { return other != e && other.next.Declares(key) })
}

// cameFrom is what a declaration of New was called, once the package has its new names.
func (s *session) cameFrom(key string) string {
	for from, to := range s.change.Renamed {
		if to == key {
			return from
		}
	}
	return key
}

// create writes files that are new, without what their owner has written beforehand.
func (s *session) create() {
	for _, name := range slices.Sorted(maps.Keys(s.adds)) {
		if _, exists := s.in.Disk[name]; exists || len(s.adds[name]) == 0 {
			continue
		}
		for _, e := range s.emitted {
			if e.is == name {
				s.file(name).Content = s.fresh(e)
			}
		}
	}
}

func (s *session) fresh(e *emitted) []byte {
	rest := slices.DeleteFunc(e.next.Keys(), func(key string) bool { return slices.Contains(s.adds[e.is], key) })
	if len(rest) == 0 {
		return e.content
	}
	return e.next.Without(rest)
}

// move gives a file its new name.
func (s *session) move() {
	for _, e := range s.emitted {
		_, here := s.in.Disk[e.was]
		if e.was == "" || e.is == "" || e.was == e.is || !here || s.broken[e.was] != nil {
			continue
		}
		if _, taken := s.in.Disk[e.is]; taken {
			s.conflict(e.was, "the file is now called %s, where you have one: move what it holds there", path.Base(e.is))
			continue
		}
		f := *s.file(e.was)
		f.Content = repackaged(f.Content, e.base.PackageName(), e.next.PackageName())
		f.Notes = append([]godecl.Note{{Text: "moved from " + e.was + s.renamedType(e)}}, f.Notes...)
		s.out[e.is] = &f
		s.out[e.was] = &File{}
	}
}

// repackaged gives a file that goes to another folder the name of the package there, unless its owner has named it otherwise.
func repackaged(content []byte, was, is string) []byte {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "", content, parser.PackageClauseOnly)
	if err != nil {
		return content
	}
	name, external := strings.CutSuffix(f.Name.Name, "_test")
	if name != was || was == is {
		return content
	}
	if external {
		is += "_test"
	}
	at := files.File(f.Name.Pos()).Offset(f.Name.Pos())
	return slices.Concat(content[:at], []byte(is), content[at+len(f.Name.Name):])
}

// renamedType tells which type of a file has another name now.
func (s *session) renamedType(e *emitted) string {
	for _, from := range slices.Sorted(maps.Keys(s.in.Renamed)) {
		if to := s.in.Renamed[from]; from != to && !strings.Contains(from, ".") && e.next.Declares(to) {
			return ": " + from + " is now called " + to
		}
	}
	return ""
}
