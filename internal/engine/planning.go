package engine

import (
	"maps"

	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/merge"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/protoload"
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
func (e *Engine) Plan(dir string, t *tree.Tree, scope Scope) (*plan.Plan, error) {
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
	s, err := readState(dir, t, last)
	if err != nil {
		return nil, err
	}
	p := plan.Make(plan.Input{
		Lock: last, Bases: s.bases, Disk: s.disk, Outside: s.outside, Generated: t, Merge: merge.File,
		Resolved: scope.Resolved,
	})
	maps.Copy(p.Lock.Files, aside)
	if !scope.Markers {
		p.WithoutMarkers()
	}
	if !scope.Deletes {
		p.WithoutDeletes(last)
	}
	return p, nil
}
