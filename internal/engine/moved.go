package engine

import (
	"bytes"
	"maps"
	"strings"

	"github.com/svcgen/svc/internal/handlers"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/rename"
	"github.com/svcgen/svc/internal/tree"
)

// movedFiles says where the files of renamed services are emitted now. When svc has emitted a service under its new name
// before it was told that it is the same, its owner's files take the place of those, if nobody has touched these. Otherwise
// nobody knows what both are to be together: they are blocked, and so is the rename, as if nothing had been said.
func movedFiles(found rename.Found, in plan.Input) (moved, blocked map[string]string) {
	m := mover{in: in, now: pathsNow(in.Generated)}
	moved, blocked = map[string]string{}, map[string]string{}
	for was, is := range maps.Clone(found.Services) {
		files := m.files(was, is)
		if m.blocks(files) {
			maps.Copy(blocked, files)
			found.Forget(was)
			continue
		}
		maps.Copy(moved, files)
	}
	return moved, blocked
}

// emitter is what makes a file of a service: its path may change, this does not.
type emitter struct{ template, of string }

func pathsNow(t *tree.Tree) map[emitter]string {
	now := map[emitter]string{}
	for _, f := range t.Files() {
		now[emitter{f.Template, f.Of}] = f.Path
	}
	return now
}

type mover struct {
	in  plan.Input
	now map[emitter]string
}

// files says where the files of a service go. Those that have another one in their place already, and that nobody has
// touched, go nowhere: they are no longer emitted.
func (m mover) files(was, is string) map[string]string {
	files := map[string]string{}
	for path, entry := range m.in.Lock.Files {
		to, emitted := m.now[emitter{entry.Template, is}]
		_, stays := m.in.Generated.Lookup(path)
		if entry.Of != was || entry.Class == tree.Owned || !emitted || stays {
			continue
		}
		if _, before := m.in.Lock.Files[to]; before && !m.edited(path) {
			continue
		}
		files[path] = to
	}
	return files
}

// blocks reports whether one of these files would take the place of something that its owner has written into, too, or
// would be tests without the handler that they are for, which svc has taken away.
func (m mover) blocks(files map[string]string) bool {
	for path, to := range files {
		_, before := m.in.Lock.Files[to]
		if before && m.edited(to) {
			return true
		}
		handler, tests := strings.CutSuffix(path, "_test.go")
		if _, goes := files[handler+".go"]; before && tests && !goes && m.in.Lock.Files[path].Class == tree.Decl {
			return true
		}
	}
	return false
}

// edited reports whether a file is there, and not as svc emitted it.
func (m mover) edited(path string) bool {
	disk, exists := m.in.Disk[path]
	base, known := m.in.Bases[path]
	f, emitted := m.in.Generated.Lookup(path)
	untouched := known && bytes.Equal(disk, base) || emitted && bytes.Equal(disk, f.Content)
	return m.in.Outside[path] || exists && !untouched
}

// follow takes a handler of a renamed service that its owner has already put where svc emits it now for that handler, and
// not for a file that is in the way.
func (s *state) follow(found rename.Found, last *lock.Lock, t *tree.Tree) {
	now := pathsNow(t)
	for path, entry := range maps.Clone(last.Files) {
		to, emitted := now[emitter{entry.Template, found.Services[entry.Of]}]
		base, known := s.bases[path]
		_, here := s.disk[path]
		_, before := last.Files[to]
		if !emitted || !known || here || before || entry.Class != tree.Decl || !handlers.Holds(s.disk[to], base) {
			continue
		}
		last.Files[to], s.bases[to], s.restored[to] = entry, base, base
		delete(last.Files, path)
		delete(s.bases, path)
		s.restored[path] = nil
	}
}
