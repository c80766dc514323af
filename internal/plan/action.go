package plan

import (
	"fmt"
	"slices"

	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/tree"
)

// Kind is what a plan does about a file.
type Kind string

// The kinds of actions.
const (
	Create   Kind = "create"
	Update   Kind = "update"
	Delete   Kind = "delete"
	Merge    Kind = "merge"    // edited by the user, and brought up to date
	Keep     Kind = "keep"     // it stays as it is, and there is something to say about it
	Orphan   Kind = "orphan"   // edited by the user, and no longer emitted
	Gone     Kind = "gone"     // deleted by the user; it stays so
	Conflict Kind = "conflict" // for the user to decide
)

// State is what is wrong with a file before the plan is carried out; "" is nothing.
type State string

// The states of files.
const (
	Missing    State = "missing"    // emitted, and not there
	Stale      State = "stale"      // not as it is emitted now
	Edited     State = "edited"     // svc's own, and changed by hand
	Orphaned   State = "orphaned"   // no longer emitted, and there
	Unresolved State = "unresolved" // for its owner to decide
)

// Note is something that the owner of a file should know of it.
type Note struct {
	Line int    `json:"line,omitempty"` // from 1; 0 is the whole file
	Text string `json:"text"`
}

// At writes the place of a note on a file.
func (n Note) At(file string) string {
	if n.Line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, n.Line)
}

// Action is what happens to one file, and why.
type Action struct {
	Kind    Kind       `json:"action"`
	Path    string     `json:"path"`
	Class   tree.Class `json:"class"`
	Reason  string     `json:"reason,omitempty"`
	Notes   []Note     `json:"notes,omitempty"`
	To      string     `json:"to,omitempty"`   // where svc emits the file now, when it can't follow there
	From    string     `json:"from,omitempty"` // where it was, of a file that has moved
	Old     []byte     `json:"-"`              // on disk; nil when there is none
	New     []byte     `json:"-"`              // to be written; of a conflict: as generated; nil when there is none
	HadFile bool       `json:"-"`
	Edited  bool       `json:"-"` // Old is svc's own file with an edit: it is kept aside
	Pending bool       `json:"-"` // another run has to come back to it

	Base   []byte `json:"-"` // of a conflict: what was emitted last; nil when that is not known
	Marked []byte `json:"-"` // of a conflict: both sides, with git's markers, to be written; nil leaves Old in place
	Open   bool   `json:"-"` // of a conflict: Old has markers already
}

// Writes reports whether the action changes the project.
func (a Action) Writes() bool {
	return slices.Contains([]Kind{Create, Update, Delete, Merge}, a.Kind) || a.Marked != nil
}

// Content is what the action writes; nil deletes.
func (a Action) Content() []byte {
	if a.Marked != nil {
		return a.Marked
	}
	return a.New
}

// State is what is wrong with the file.
func (a Action) State() State {
	switch {
	case a.Kind == Conflict:
		return Unresolved
	case a.Edited:
		return Edited
	case a.Kind == Create:
		return Missing
	case a.Kind == Delete, a.Kind == Orphan:
		return Orphaned
	case a.Kind == Update, a.Kind == Merge, a.Kind == Keep && a.Pending:
		return Stale
	}
	return ""
}

// Plan is what a run does.
type Plan struct {
	Actions []Action // by path; files that need nothing have none
	Lock    *lock.Lock
	// Bases are the pristine contents to keep, by path; nil takes one away.
	Bases map[string][]byte
	// Held are the paths where what counts as emitted last stays as it was.
	Held []string
	// Resolved are the paths that the owner's decisions were about.
	Resolved []string
}

// Writes reports whether the plan changes any of the project's files.
func (p *Plan) Writes() bool { return slices.ContainsFunc(p.Actions, Action.Writes) }

// Conflicts reports whether the plan leaves something for the user to decide.
func (p *Plan) Conflicts() bool {
	return slices.ContainsFunc(p.Actions, func(a Action) bool { return a.Kind == Conflict })
}

// Drift reports whether any file is not as it is to be.
func (p *Plan) Drift() bool {
	return slices.ContainsFunc(p.Actions, func(a Action) bool { return a.State() != "" })
}

// Settled reports whether another run on the same inputs would do nothing and report nothing.
func (p *Plan) Settled() bool {
	return !slices.ContainsFunc(p.Actions, func(a Action) bool {
		return a.Pending || slices.Contains([]Kind{Keep, Orphan, Conflict}, a.Kind)
	})
}

// WithoutMarkers leaves files with conflicts as they are.
func (p *Plan) WithoutMarkers() {
	for i := range p.Actions {
		p.Actions[i].Marked = nil
	}
}

// WithoutDeletes leaves it to another run to delete files: the lock goes on listing them, as they are now, so that this run
// finds them untouched.
func (p *Plan) WithoutDeletes(last *lock.Lock) {
	for path, content := range p.Bases {
		if content != nil {
			continue
		}
		delete(p.Bases, path)
		if entry, emitted := last.Files[path]; emitted {
			p.Lock.Files[path] = entry
		}
	}
	for _, a := range p.Actions {
		if a.Kind != Delete {
			continue
		}
		entry, emitted := last.Files[a.Path]
		if !emitted {
			continue // what was in it is remembered by the file that it was emitted into
		}
		entry.Sum = tree.Sum(a.Old)
		if a.Class == tree.Owned {
			entry.Form = tree.Form(a.Old)
		} else {
			p.Bases[a.Path] = nonNil(a.Old)
		}
		p.Lock.Files[a.Path] = entry
	}
}

// Hold keeps what counts as emitted last for a file, whatever the plan does to it.
func (p *Plan) Hold(path string, last *lock.Lock) {
	delete(p.Bases, path)
	delete(p.Lock.Files, path)
	p.Held = append(p.Held, path)
	if entry, emitted := last.Files[path]; emitted {
		p.Lock.Files[path] = entry
	}
}
