package handlers

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/godecl"
)

// Undone returns what is still to be renamed of methods that have another name now, by what they are called in files:
// those that these declare. Rpcs' names are written as Go has them, apart from underscores and capitals.
func Undone(files map[string][]byte, renamed map[string]string) map[string]string {
	undone := map[string]string{}
	for _, src := range files {
		f, err := godecl.Parse("", src)
		if err != nil || f.Foreign() {
			continue
		}
		for _, key := range f.Keys() {
			for from, to := range renamed {
				if sameRPC(key, from) {
					undone[key] = to
				}
			}
		}
	}
	return undone
}

// sameRPC reports whether two methods are of one type and can't be of two rpcs: no two rpcs of a service differ in
// underscores and capitals only.
func sameRPC(a, b string) bool {
	t, method, ok := strings.Cut(a, ".")
	u, other, _ := strings.Cut(b, ".")
	return ok && t == u && strings.EqualFold(strings.ReplaceAll(method, "_", ""), strings.ReplaceAll(other, "_", ""))
}

// recall has it that svc emitted a method last under its old name, where it was told of the new one only after it had
// emitted that, too. Then all is as if it had been told in time.
func (s *session) recall() {
	if len(s.in.Late) == 0 {
		return
	}
	s.in.Renamed = maps.Clone(s.in.Renamed)
	for _, from := range slices.Sorted(maps.Keys(s.in.Late)) {
		to, home := s.in.Late[from], s.declaring(from)
		for _, e := range s.emitted {
			if home == "" || !e.base.Declares(to) {
				continue
			}
			if !s.spare(to) {
				s.note(home, "%s is called %s now, as svc.yaml says, and you have both: move what it does there, or take the line out of moved", shortName(from), shortName(to))
				s.file(home).Asks = true
				continue
			}
			old := e.base.Recall(to, s.disk[home], from)
			if base, err := godecl.Parse(path.Base(e.was), old); err == nil {
				e.old, e.base, s.in.Renamed[from] = old, base, to
			}
		}
	}
}

// declaring is the file of the package itself that declares something, or "".
func (s *session) declaring(key string) string {
	for _, name := range slices.Sorted(maps.Keys(s.disk)) {
		if !s.disk[name].Foreign() && s.disk[name].Declares(key) {
			return name
		}
	}
	return ""
}
