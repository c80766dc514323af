// Package plan decides what takes a project from what is on disk to what was generated. It is pure.
package plan

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

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
	Keep     Kind = "keep"     // edited by the user, and what svc emits has changed, too
	Orphan   Kind = "orphan"   // edited by the user, and no longer emitted
	Gone     Kind = "gone"     // deleted by the user; it stays so
	Conflict Kind = "conflict" // the user's own file stands where svc would emit one
)

// Action is what happens to one file, and why.
type Action struct {
	Kind    Kind       `json:"action"`
	Path    string     `json:"path"`
	Class   tree.Class `json:"class"`
	Reason  string     `json:"reason,omitempty"`
	Old     []byte     `json:"-"` // on disk; nil when there is none
	New     []byte     `json:"-"` // as generated; nil when there is none
	HadFile bool       `json:"-"`
}

// Writes reports whether the action changes the project.
func (a Action) Writes() bool { return slices.Contains([]Kind{Create, Update, Delete, Merge}, a.Kind) }

// Plan is what a run does.
type Plan struct {
	Actions []Action // by path; files that need nothing have none
	Lock    *lock.Lock
	// Bases are the pristine contents to keep, by path; nil takes one away.
	Bases map[string][]byte
}

// Writes reports whether the plan changes any of the project's files.
func (p *Plan) Writes() bool { return slices.ContainsFunc(p.Actions, Action.Writes) }

// Conflicts reports whether the plan leaves something for the user to decide.
func (p *Plan) Conflicts() bool {
	return slices.ContainsFunc(p.Actions, func(a Action) bool { return a.Kind == Conflict })
}

// Settled reports whether another run on the same inputs would do nothing and report nothing.
func (p *Plan) Settled() bool {
	return !slices.ContainsFunc(p.Actions, func(a Action) bool { return !a.Writes() })
}

// Make compares what was generated with the base (by the lock's sums) and the disk (by path; absent files are absent).
func Make(generated *tree.Tree, base *lock.Lock, disk map[string][]byte) *Plan {
	p := &Plan{Lock: lock.New(), Bases: map[string][]byte{}}
	for _, f := range generated.Files() {
		entry, emitted := base.Files[f.Path]
		content, exists := disk[f.Path]
		p.file(f, entry, emitted, content, exists)
	}
	for path, entry := range base.Files {
		if _, ok := generated.Lookup(path); !ok {
			content, exists := disk[path]
			p.stale(path, entry, content, exists)
		}
	}
	slices.SortFunc(p.Actions, func(a, b Action) int { return strings.Compare(a.Path, b.Path) })
	return p
}

// file decides about a file that is generated: DESIGN §5's table with N = f, B = entry, D = disk.
func (p *Plan) file(f tree.File, entry lock.Entry, emitted bool, disk []byte, exists bool) {
	next := lock.Entry{Class: f.Class, Template: f.Template, Sum: tree.Sum(f.Content)}
	a := Action{Path: f.Path, Class: f.Class, Old: disk, New: f.Content, HadFile: exists}
	switch {
	case exists && bytes.Equal(disk, f.Content):
		p.accept(a, next, entry)
	case f.Class == tree.Owned && !exists:
		p.write(a, Create, "", next, entry)
	case f.Class == tree.Owned && !emitted && !strings.HasPrefix(f.Path, "gen/") && !generated(disk):
		p.hold(a, Conflict, "a file of yours is where svc would put one", entry, emitted)
	case f.Class == tree.Owned:
		p.write(a, Update, editReason(disk, entry, emitted), next, entry)
	case !exists && !emitted:
		p.write(a, Create, "", next, entry)
	case !exists && entry.Sum == next.Sum:
		p.accept(a, next, entry)
	case !exists:
		p.hold(a, Gone, "you deleted it", entry, emitted)
	case !emitted:
		p.hold(a, Conflict, "a file of yours is where svc would put one", entry, emitted)
	case tree.Sum(disk) == entry.Sum:
		p.write(a, Update, "", next, entry)
	case entry.Sum == next.Sum:
		p.accept(a, next, entry)
	default:
		p.hold(a, Keep, "you edited it, and what svc emits has changed", entry, emitted)
	}
}

func editReason(disk []byte, entry lock.Entry, emitted bool) string {
	switch {
	case emitted && tree.Sum(disk) != entry.Sum:
		return "it was edited by hand; files in gen/ are svc's"
	case !emitted:
		return "it was not svc's, and now is"
	}
	return ""
}

var generatedLine = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.\r?$`)

// generated reports whether a Go file says, as https://go.dev/s/generatedcode has it, that no person wrote it.
func generated(content []byte) bool { return generatedLine.Match(content) }

// stale decides about a file that is not generated any more.
func (p *Plan) stale(path string, entry lock.Entry, disk []byte, exists bool) {
	a := Action{Path: path, Class: entry.Class, Old: disk, HadFile: exists}
	switch {
	case !exists:
		p.forget(path, entry)
	case tree.Sum(disk) == entry.Sum:
		a.Kind, a.Reason = Delete, "no longer emitted"
		p.Actions = append(p.Actions, a)
		p.forget(path, entry)
	default:
		p.hold(a, Orphan, "you edited it, and svc no longer emits it", entry, true)
	}
}

func (p *Plan) forget(path string, entry lock.Entry) {
	if entry.Class != tree.Owned {
		p.Bases[path] = nil
	}
}

func (p *Plan) write(a Action, kind Kind, reason string, next, entry lock.Entry) {
	a.Kind, a.Reason = kind, reason
	p.Actions = append(p.Actions, a)
	p.accept(a, next, entry)
}

// accept records what was generated as the new base.
func (p *Plan) accept(a Action, next, entry lock.Entry) {
	p.Lock.Files[a.Path] = next
	switch {
	case a.Class == tree.Owned && entry.Class != "":
		p.forget(a.Path, entry)
	case a.Class != tree.Owned && (entry.Sum != next.Sum || entry.Class != next.Class):
		p.Bases[a.Path] = a.New
	}
}

// hold leaves the file and its old base as they are.
func (p *Plan) hold(a Action, kind Kind, reason string, entry lock.Entry, emitted bool) {
	a.Kind, a.Reason = kind, reason
	p.Actions = append(p.Actions, a)
	if emitted {
		p.Lock.Files[a.Path] = entry
	}
}

// Merged brings a file that is kept up to date: content is what the user's file and f have become together.
func (p *Plan) Merged(f tree.File, content []byte) {
	i := slices.IndexFunc(p.Actions, func(a Action) bool { return a.Path == f.Path && a.Kind == Keep })
	if i < 0 {
		return
	}
	p.Lock.Files[f.Path] = lock.Entry{Class: f.Class, Template: f.Template, Sum: tree.Sum(f.Content)}
	p.Bases[f.Path] = f.Content
	if bytes.Equal(p.Actions[i].Old, content) {
		p.Actions = slices.Delete(p.Actions, i, i+1)
		return
	}
	p.Actions[i].Kind, p.Actions[i].New, p.Actions[i].Reason = Merge, content, "you edited it: yours and svc's together"
}

// WithoutDeletes leaves it to another run to delete files: base goes on listing them.
func (p *Plan) WithoutDeletes(base *lock.Lock) {
	for _, a := range p.Actions {
		if a.Kind == Delete {
			p.Lock.Files[a.Path] = base.Files[a.Path]
		}
	}
	for path, content := range p.Bases {
		if content == nil {
			delete(p.Bases, path)
			p.Lock.Files[path] = base.Files[path]
		}
	}
}
