package handlers

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/godecl"
)

// rename gives the package's declarations their new names in Base and on disk, and leaves methods to godecl's Sync.
func (s *session) rename() {
	names, methods := s.names()
	for from, to := range names {
		if isTest(from) && s.declared(from) && s.declared(to) && names[to] == "" && s.spare(to) {
			methods[from] = to // godecl's Sync takes the stub away
			delete(names, from)
		}
	}
	for _, e := range slices.Clone(s.emitted) {
		s.refuse(e, names)
	}
	s.change = &godecl.Change{Renamed: methods, Declared: s.declared, Spare: s.spare}
	if len(names) == 0 {
		return
	}
	for _, e := range s.emitted {
		if content, _, err := godecl.Rename(e.old, names); err == nil && e.was != "" {
			e.base, _ = godecl.Parse(path.Base(e.was), content)
		}
	}
	for name, f := range s.disk {
		if s.mentionsAny(f, names) {
			s.renameFile(name, names)
		}
	}
}

func (s *session) renameFile(name string, names map[string]string) {
	foreign := s.disk[name].Foreign()
	if foreign {
		names = maps.Clone(names)
		maps.DeleteFunc(names, func(from, _ string) bool { return !isTest(from) })
	}
	content, notes, err := godecl.Rename(s.in.Disk[name], names)
	if err != nil {
		return
	}
	f, err := godecl.Parse(path.Base(name), content)
	if err != nil {
		return
	}
	if foreign {
		notes = append(notes, followNotes(content, s.disk[name], names)...)
	}
	s.disk[name] = f
	out := s.file(name)
	out.Content, out.Notes = content, append(out.Notes, notes...)
}

// followNotes tells of renamed tests in another package: what they call there by the old name is not svc's to know.
func followNotes(content []byte, was *godecl.File, names map[string]string) []godecl.Note {
	var notes []godecl.Note
	for _, from := range slices.Sorted(maps.Keys(names)) {
		before, _, found := bytes.Cut(content, []byte("func "+names[from]+"("))
		if found && was.Declares(from) {
			line := 1 + bytes.Count(before, []byte("\n"))
			notes = append(notes, godecl.Note{Line: line, Text: from + " is now called " + names[from] + ": what it calls may have to follow"})
		}
	}
	return notes
}

// spare reports whether all files that declare something have it as svc emits it.
func (s *session) spare(key string) bool {
	c := s.change
	if c == nil {
		c = &godecl.Change{}
	}
	c = &godecl.Change{Types: c.Types, Declared: s.declared}
	for _, e := range s.emitted {
		c.Base, c.New = append(c.Base, e.base), append(c.New, e.next)
	}
	for _, f := range s.disk {
		if f.Declares(c.Own(key)) && (!f.Foreign() || isTest(key)) && !c.Stub(f, key) {
			return false
		}
	}
	return s.mayDeclare(key) == ""
}

func (s *session) mentionsAny(f *godecl.File, names map[string]string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(names)), f.Contains)
}

// names completes what was renamed by what svc calls after it: constructors, clients of tests, and tests. Methods are
// as they will be found once the names of the package are those of New.
func (s *session) names() (names, methods map[string]string) {
	names, methods = map[string]string{}, map[string]string{}
	type pair struct{ from, to string }
	var pairs []pair
	for _, from := range slices.Sorted(maps.Keys(s.in.Renamed)) {
		if to := s.in.Renamed[from]; !strings.Contains(from, ".") {
			pairs = append(pairs, pair{from, to}, pair{"New" + from, "New" + to}, pair{"new" + from + "Client", "new" + to + "Client"})
		}
	}
	base, next := s.keys(baseOf), s.keys(nextOf)
	for _, key := range slices.Sorted(maps.Keys(base)) {
		t, method, ok := strings.Cut(key, ".")
		if !ok {
			continue
		}
		u, fresh, _ := strings.Cut(s.target(key), ".")
		pairs = append(pairs, pair{"Test" + t + "_" + method, "Test" + u + "_" + fresh})
	}
	given := map[string]bool{} // to something else than had it
	for _, p := range pairs {
		given[p.to] = given[p.to] || p.from != p.to && base[p.from]
	}
	for _, p := range pairs {
		if p.from != p.to && base[p.from] && next[p.to] && names[p.from] == "" && (!next[p.from] || given[p.from]) {
			names[p.from] = p.to
		}
	}
	for key := range base {
		t, method, ok := strings.Cut(key, ".")
		if !ok {
			continue
		}
		u, fresh, _ := strings.Cut(s.target(key), ".")
		if names[t] != "" {
			t = names[t]
		}
		if from, to := t+"."+method, u+"."+fresh; from != to {
			methods[from] = to
		}
	}
	return names, methods
}

func baseOf(e *emitted) *godecl.File { return e.base }

func nextOf(e *emitted) *godecl.File { return e.next }

// target is what a method of Base is called in New.
func (s *session) target(key string) string {
	if to, ok := s.in.Renamed[key]; ok {
		return to
	}
	t, method, _ := strings.Cut(key, ".")
	if to, ok := s.in.Renamed[t]; ok {
		return to + "." + method
	}
	return key
}

// keys are the declarations of one version.
func (s *session) keys(version func(*emitted) *godecl.File) map[string]bool {
	out := map[string]bool{}
	for _, e := range s.emitted {
		for _, key := range version(e).Keys() {
			out[key] = true
		}
	}
	return out
}

// refuse leaves a service as it is when something of the owner's has its new name.
func (s *session) refuse(e *emitted, names map[string]string) {
	for _, from := range e.base.Keys() {
		to := names[from]
		if to == "" || !s.declared(to) || names[to] != "" || !s.declared(from) {
			continue
		}
		if isTest(from) {
			delete(names, from)
			s.note(e.home(s), "%s is now called %s, which you have already: move what it does there", from, to)
			continue
		}
		s.conflict(e.home(s), "%s is now called %s, which is a declaration of yours: rename yours, then generate again", from, to)
		s.leave(e, names)
		return
	}
}

// leave takes an emitted file, and the tests that go with it, out of this run.
func (s *session) leave(e *emitted, names map[string]string) {
	s.emitted = slices.DeleteFunc(s.emitted, func(other *emitted) bool {
		if !tests(e, other) && !tests(other, e) && e != other {
			return false
		}
		for _, key := range other.base.Keys() {
			delete(names, key)
		}
		s.file(other.home(s)).Waits = true
		return true
	})
}

// tests reports whether a file holds the tests of another.
func tests(e, other *emitted) bool {
	return strings.TrimSuffix(e.was, ".go")+"_test.go" == other.was
}

// home is where an emitted file is on disk, or would be.
func (e *emitted) home(s *session) string {
	if _, ok := s.in.Disk[e.was]; ok {
		return e.was
	}
	return e.path()
}

// prepare sets up what godecl needs to know of the whole package.
func (s *session) prepare() {
	for _, e := range s.emitted {
		s.change.Base = append(s.change.Base, e.base)
		s.change.New = append(s.change.New, e.next)
	}
	s.change.Types = s.ownTypes()
	s.kept = map[string]string{}
	s.change.Keep = func(key string) string { return s.kept[key] }
}

// ownTypes finds types that the owner has given another name, by what their constructors return.
func (s *session) ownTypes() map[string]string {
	types := map[string]string{}
	for key := range s.keys(nextOf) {
		t, _, ok := strings.Cut(key, ".")
		if !ok || types[t] != "" || s.declared(t) {
			continue
		}
		for _, f := range s.disk {
			own := f.Returns("New" + t)
			if own != "" && !f.Foreign() && s.canHaveMethods(own) {
				types[t] = own
			}
		}
	}
	return types
}

func (s *session) canHaveMethods(name string) bool {
	for _, f := range s.disk {
		if !f.Foreign() && f.CanHaveMethods(name) {
			return true
		}
	}
	return false
}

// where says which file does not parse, for a message.
func where(name string, err error) string {
	return fmt.Sprintf("%s doesn't parse (%v)", path.Base(name), err)
}
