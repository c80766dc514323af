package handlers

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/godecl"
)

// place finds the file for each declaration that New adds.
func (s *session) place() {
	s.adds, s.homes = map[string][]string{}, map[*emitted]string{}
	base := s.keys(baseOf)
	targets := slices.Collect(maps.Values(s.change.Renamed))
	for _, e := range s.emitted {
		if e.is == "" {
			continue
		}
		s.homes[e] = s.homeOf(e)
		for _, key := range e.next.Keys() {
			if !base[key] && !slices.Contains(targets, key) && !s.declared(s.change.Own(key)) {
				s.placeOne(e, key)
			}
		}
	}
	s.withhold()
	s.wait()
}

// wait marks what has changed and may be in a file that can't be read.
func (s *session) wait() {
	for _, e := range s.emitted {
		for _, key := range e.base.Keys() {
			if !s.declared(s.change.Own(key)) && s.mayDeclare(key) != "" && !s.unchanged(e, key) {
				s.file(e.path()).Waits = true
			}
		}
	}
}

func (s *session) unchanged(e *emitted, key string) bool {
	return e.base.Text(key) == e.next.Text(key)
}

// placeOne decides about one new declaration.
func (s *session) placeOne(e *emitted, key string) {
	home, name := s.homes[e], shortName(key)
	broken := s.mayDeclare(key)
	if home == "" && broken == "" {
		broken = s.mayDeclareAny(e)
	}
	switch {
	case broken != "" && broken != home:
		s.note(e.path(), "%s is not added yet: %s, and it may be there", name, where(broken, s.broken[broken]))
		s.file(e.path()).Waits = true
	case home == "":
		s.note(e.path(), "%s is not added: you have deleted %s and what was in it", name, path.Base(e.was))
	case s.broken[home] != nil:
		s.note(home, "%s is not added yet: the file doesn't parse", name)
		s.file(e.path()).Waits = true
	case s.disk[home] != nil && s.disk[home].Foreign() && !isTest(key):
		s.conflict(home, "%s is not added: the file is of package %s", name, s.disk[home].PackageName())
	case s.disk[home] == nil && s.otherPackage(e) != "":
		s.conflict(home, "%s is not added: you have renamed the package to %s", name, s.otherPackage(e))
	default:
		s.adds[home] = append(s.adds[home], key)
	}
}

// otherPackage is the name that the owner has given to the package, if it is not svc's.
func (s *session) otherPackage(e *emitted) string {
	for _, p := range slices.Sorted(maps.Keys(s.disk)) {
		if f := s.disk[p]; !f.Foreign() && f.PackageName() != e.next.PackageName() {
			return f.PackageName()
		}
	}
	return ""
}

func shortName(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// homeOf is the path of the file that gets what svc adds to an emitted one: itself, or where its owner has put what it
// began with. It is "" when none of it is left.
func (s *session) homeOf(e *emitted) string {
	for _, p := range []string{e.was, e.is} {
		if _, ok := s.in.Disk[p]; ok {
			return p
		}
	}
	if e.was == "" {
		return e.is
	}
	for _, key := range e.base.Keys() {
		for _, p := range slices.Sorted(maps.Keys(s.disk)) {
			if s.disk[p].Declares(s.change.Own(key)) && (!s.disk[p].Foreign() || isTest(key)) {
				return p
			}
		}
	}
	return ""
}

// mayDeclareAny is a file that can't be read and may hold what an emitted file held.
func (s *session) mayDeclareAny(e *emitted) string {
	for _, key := range e.base.Keys() {
		if p := s.mayDeclare(key); p != "" {
			return p
		}
	}
	return ""
}

// withhold takes back what would need something that the owner no longer has, until all the rest can stand.
func (s *session) withhold() {
	candidates := packageLevel(s.keys(nextOf))
	for again := true; again; {
		again = false
		for _, home := range slices.Sorted(maps.Keys(s.adds)) {
			s.adds[home] = slices.DeleteFunc(s.adds[home], func(key string) bool {
				missing := s.missing(key, candidates)
				if missing != "" {
					s.reportMissing(home, key, missing)
					again = true
				}
				return missing != ""
			})
		}
	}
}

func (s *session) reportMissing(home, key, missing string) {
	if broken := s.mayDeclare(missing); broken != "" {
		s.note(home, "%s is not added yet: it needs %s, and %s", shortName(key), missing, where(broken, s.broken[broken]))
		s.waitFor(key)
		return
	}
	if strings.HasPrefix(key, missing+".") {
		s.note(home, "%s is not added: there is no type %s any more; write it for the type that you have instead", shortName(key), missing)
		return
	}
	s.note(home, "%s is not added: it needs %s, which you have removed", shortName(key), missing)
}

func packageLevel(keys map[string]bool) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !strings.Contains(key, ".") {
			list = append(list, key)
		}
	}
	return list
}

// missing is a declaration that another one needs and that there won't be.
func (s *session) missing(key string, candidates []string) string {
	for _, e := range s.emitted {
		for _, name := range e.next.Uses(key, candidates) {
			if !s.declared(name) && s.change.Types[name] == "" && !s.adding(name) {
				return name
			}
		}
	}
	return ""
}

func (s *session) adding(key string) bool {
	for _, list := range s.adds {
		if slices.Contains(list, key) {
			return true
		}
	}
	return false
}

// keep finds what svc no longer emits and nobody has touched, but which something that stays needs.
func (s *session) keep() {
	next := s.keys(nextOf)
	going := map[string]bool{}
	for key := range s.keys(baseOf) {
		if to, ok := s.change.Renamed[key]; (!ok || !next[to]) && !next[key] {
			going[key] = s.untouched(key)
		}
	}
	candidates := slices.DeleteFunc(packageLevel(going), func(key string) bool {
		return !going[key] || isTest(key) // nothing needs a test
	})
	if len(candidates) == 0 {
		return
	}
	rest := s.rest(candidates)
	for again := true; again; {
		again = false
		for _, key := range candidates {
			if user := s.user(rest, key, going); going[key] && user != "" {
				going[key], s.kept[key], again = false, user, true
			}
		}
	}
}

// rest is what the files would be if candidates stayed: only there it shows what still needs them.
func (s *session) rest(candidates []string) map[string]*godecl.File {
	for _, key := range candidates {
		s.kept[key] = "it may be needed"
	}
	rest := map[string]*godecl.File{}
	for name, f := range s.disk {
		r := s.change.Sync(f, s.adds[name])
		if after, err := godecl.Parse(path.Base(name), r.Content); err == nil {
			rest[name] = after
		}
	}
	clear(s.kept)
	return rest
}

// untouched reports whether all files that declare something have it as svc emitted it.
func (s *session) untouched(key string) bool {
	for _, f := range s.disk {
		if f.Declares(s.change.Own(key)) && !s.change.Untouched(f, key) {
			return false
		}
	}
	return true
}

// user says what needs a declaration that would go.
func (s *session) user(rest map[string]*godecl.File, name string, going map[string]bool) string {
	for _, p := range slices.Sorted(maps.Keys(rest)) {
		for _, by := range rest[p].Mentions(name) {
			if !going[by] {
				return needs(by, p)
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(s.broken)) {
		if bytes.Contains(s.in.Disk[p], []byte(name)) {
			s.waitFor(name)
			return path.Base(p) + ", which doesn't parse, may need it"
		}
	}
	return ""
}

// waitFor has another run come back to a declaration.
func (s *session) waitFor(key string) {
	for _, e := range s.emitted {
		if e.base.Declares(key) || e.next.Declares(key) {
			s.file(e.path()).Waits = true
		}
	}
}

func needs(key, p string) string {
	if key == "" {
		return path.Base(p) + " needs it"
	}
	return shortName(key) + " needs it"
}
