package engine

import (
	"maps"
	"slices"

	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/merge"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/rename"
	"github.com/svcgen/svc/internal/tree"
)

// Scope says how much of a project a run is about.
type Scope struct {
	Stubs   bool // without, those of the project, and what the lock says of them, are left alone
	Deletes bool // without, files that are to go stay until a run that can delete them
	Markers bool // without, files with conflicts stay as they are

	Resolved map[string]plan.Resolution // what the owner has decided, by path
}

// Whole is the scope of svc's own runs.
var Whole = Scope{Stubs: true, Deletes: true}

// Plan compares an emission with the project in dir.
func (e *Engine) Plan(dir string, m *manifest.Manifest, emission *Emission, scope Scope) (*Result, error) {
	last, err := readLock(dir)
	if err != nil {
		return nil, err
	}
	aside := map[string]lock.Entry{}
	if !scope.Stubs {
		maps.Copy(aside, last.Files)
		maps.DeleteFunc(aside, func(_ string, entry lock.Entry) bool { return !protoload.IsStub(entry.Template) })
		maps.DeleteFunc(last.Files, func(_ string, entry lock.Entry) bool { return protoload.IsStub(entry.Template) })
	}
	s, err := readState(dir, emission.Tree, last)
	if err != nil {
		return nil, err
	}
	found := rename.Find(last.RPCs, emission.Model.Shapes(), moves(m))
	in := plan.Input{
		Lock: last, Bases: s.bases, Disk: s.disk, Outside: s.outside, Generated: emission.Tree, Merge: merge.File, Resolved: scope.Resolved,
	}
	s.follow(found, last, emission.Tree)
	in, p, err := planned(dir, in, &found, emission.Model)
	if err != nil {
		return nil, err
	}
	maps.Copy(s.restored, p.Bases)
	p.Bases = s.restored
	found.Doubts = openDoubts(found.Doubts, in, p)
	holdDoubts(found.Doubts, in.Lock, p)
	p.Lock.RPCs = recorded(p, in.Lock, emission, found)
	maps.Copy(p.Lock.Files, aside)
	if !scope.Markers {
		p.WithoutMarkers()
	}
	if !scope.Deletes {
		p.WithoutDeletes(last)
	}
	changes, err := changes(dir, p)
	return &Result{Plan: p, Changes: changes, stubs: emission.stubs, Warnings: slices.Concat(emission.Model.Warnings, doubts(found, m))}, err
}

// planned compares, with the files of renamed services where they are to go. It returns what it compared, too.
func planned(dir string, in plan.Input, found *rename.Found, m *model.Project) (plan.Input, *plan.Plan, error) {
	for s := shiftOf(*found, in); ; s = nil {
		as, renamed := s.input(in), found.Clone()
		as.Moved, as.Blocked = movedFiles(renamed, as)
		var err error
		if as.Handlers, err = syncHandlers(dir, as, s, renamed, m); err != nil {
			return in, nil, err
		}
		if p := plan.Make(as); s.restate(p, as, in) {
			*found = renamed
			return as, p, nil
		}
	}
}

// recorded are the shapes of the contract as far as the project follows it: those of a service with a handler that is held, or
// that is no longer emitted and there, or with any file that can't go where it is emitted now, are as they were, so that the
// next run knows what the file was emitted for.
func recorded(p *plan.Plan, last *lock.Lock, e *Emission, found rename.Found) map[string]string {
	shapes, emitted := e.Model.Shapes(), e.Tree
	behind := map[string]bool{}
	for _, path := range p.Held {
		if last.Files[path].Class == tree.Decl {
			behind[last.Files[path].Of] = true
		}
	}
	for _, a := range p.Actions {
		if a.To != "" {
			behind[last.Files[a.Path].Of] = true
		}
	}
	for path, entry := range p.Lock.Files {
		if _, ok := emitted.Lookup(path); !ok && entry.Class == tree.Decl {
			behind[entry.Of] = true
		}
	}
	for service := range behind {
		below := func(rpc, _ string) bool { return parent(rpc) == service || parent(rpc) == found.Services[service] }
		maps.DeleteFunc(shapes, below)
		for rpc, shape := range last.RPCs {
			if parent(rpc) == service {
				shapes[rpc] = shape
			}
		}
	}
	return shapes
}
