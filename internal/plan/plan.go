// Package plan decides what takes a project from what is on disk to what was generated. It is pure.
package plan

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/godecl"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/tree"
)

// Input is a project in three versions: as svc emitted it last, as its owner has it, and as svc emits it now.
type Input struct {
	Lock      *lock.Lock
	Bases     map[string][]byte // what was emitted last, by path; owned files have none
	Disk      map[string][]byte // by path; absent files are absent
	Outside   map[string]bool   // paths that are links to outside the project: not svc's to write
	Generated *tree.Tree
	// Moved says where files that were emitted last are emitted now, when that is elsewhere.
	Moved map[string]string
	// Blocked says the same of files that can't go there, because their owner has edited both.
	Blocked map[string]string
	// Merge merges one file that both sides changed.
	Merge func(path string, base, disk, next []byte) Merged
	// Handlers are files of class decl, and others beside them, that were merged with their whole package.
	Handlers map[string]Merged
	// Resolved are the decisions of the owner about files with conflicts and orphans, by path.
	Resolved map[string]Resolution
}

// Resolution is what is to become of a file that svc can't decide about.
type Resolution struct {
	Theirs  bool   // it becomes as svc emits it; otherwise it stays its owner's
	Content []byte // what it becomes when it is its owner's; nil for what is on disk
}

// Merged is what a file of the owner's and a newly generated one have become together.
type Merged struct {
	Content []byte // nil when the file is to go
	Notes   []Note // for its owner
	// Conflict says why there is nothing to write; Places says where, on disk. Marked is the content with git's markers.
	Conflict string
	Places   []Note
	Marked   []byte
	Open     bool // it has markers already
	// Left are files that svc no longer emits, and that are not there, of which this one holds what its owner has edited.
	Left  []string
	Asks  bool // a note asks its owner to do something: until then it is not as it is to be
	Waits bool // not all of it has found its place yet: another run comes back to it
	// Broken says that the owner's file can't be read now. Nothing is decided until it can.
	Broken string
}

// pending reports whether another run has to come back to a file.
func (m Merged) pending() bool { return m.Waits || m.Asks || len(m.Left) > 0 }

// Make compares the three versions.
func Make(in Input) *Plan {
	p := &planner{Input: in, plan: &Plan{Lock: lock.New(), Bases: map[string][]byte{}}, from: map[string]string{}}
	for from, to := range in.Moved {
		p.from[to] = from
	}
	for _, f := range in.Generated.Files() {
		p.file(f)
	}
	for path, entry := range in.Lock.Files {
		if _, ok := in.Generated.Lookup(path); !ok && !p.moved(path) {
			p.stale(path, entry)
		}
	}
	p.beside()
	slices.SortFunc(p.plan.Actions, func(a, b Action) int { return strings.Compare(a.Path, b.Path) })
	return p.plan
}

// planner decides file by file. Its tables are DESIGN §5's with N = what is generated, B = the base, D = the disk.
type planner struct {
	Input
	plan *Plan
	from map[string]string // Moved the other way round
}

func (p *planner) file(f tree.File) {
	disk, exists := p.Disk[f.Path]
	a := Action{Path: f.Path, Class: f.Class, Old: disk, New: f.Content, HadFile: exists}
	switch {
	case p.Outside[f.Path]:
		p.outside(a, f)
	case f.Class != tree.Owned && p.moved(p.from[f.Path]):
		p.move(a, f, p.from[f.Path])
	case exists && bytes.Equal(disk, f.Content):
		p.accept(f)
	case f.Class == tree.Owned:
		p.owned(a, f)
	default:
		p.yours(a, f)
	}
}

// beholden reports whether a file that its owner has not edited has to be merged all the same: go.sum has what go.mod
// requires, which may be more than svc does.
func (p *planner) beholden(path string) bool {
	return path == "go.sum" && !bytes.Equal(p.Disk["go.mod"], p.Bases["go.mod"])
}

// outside leaves a link alone, and says so whenever what is emitted there changes.
func (p *planner) outside(a Action, f tree.File) {
	entry, emitted := p.Lock.Files[f.Path]
	if !emitted || !entry.Says(f.Content) {
		a.Kind, a.New, a.Reason = Keep, nil, "it is a link to outside the project: what svc emits for it has changed"
		p.plan.Actions = append(p.plan.Actions, a)
	}
	p.accept(f)
}

// owned decides about a file that is svc's own.
func (p *planner) owned(a Action, f tree.File) {
	entry, emitted := p.Lock.Files[f.Path]
	switch {
	case !a.HadFile:
		p.write(a, Create, f)
	case emitted && entry.Says(f.Content) && entry.SaysForm(a.Old) && sameText(f.Path, a.Old, f.Content):
		p.accept(f) // its owner's formatter was there
	case !emitted && !strings.HasPrefix(f.Path, "gen/") && !generated(a.Old):
		p.hold(a, Conflict, inTheWay)
	case emitted && !pristine(a.Old, entry):
		a.Edited, a.Reason = true, "it was edited by hand; stubs and gen/ are svc's"
		p.write(a, Update, f)
	case !emitted:
		a.Edited, a.Reason = !generated(a.Old), "it was not svc's, and now is"
		p.write(a, Update, f)
	default:
		p.write(a, Update, f)
	}
}

// sameText reports whether two versions of a file say the same to who reads it: Go's tokens, or every word.
func sameText(name string, a, b []byte) bool {
	if strings.HasSuffix(name, ".go") {
		return godecl.Same(a, b)
	}
	return slices.Equal(strings.Fields(string(a)), strings.Fields(string(b)))
}

const inTheWay = "a file of yours is where svc would put one"

// pristine reports whether an owned file is as svc wrote it, apart from its format. Where git has united what two branches
// say of it, it has done so in the file, too.
func pristine(disk []byte, entry lock.Entry) bool {
	return entry.Says(disk) || entry.SaysForm(disk) || len(entry.Others) > 0
}

var generatedLine = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.\r?$`)

// generated reports whether a Go file says, as https://go.dev/s/generatedcode has it, that no person wrote it.
func generated(content []byte) bool { return generatedLine.Match(content) }

// yours decides about a file that its owner may have edited.
func (p *planner) yours(a Action, f tree.File) {
	_, emitted := p.Lock.Files[f.Path]
	base, known := p.Bases[f.Path]
	emitted = emitted || known
	merged, handler := p.Handlers[f.Path]
	switch {
	case handler && (emitted || !a.HadFile):
		p.follow(a, f, merged)
	case !a.HadFile && !emitted:
		p.write(a, Create, f)
	case !a.HadFile && p.Resolved[f.Path].Theirs:
		p.resolve(a, p.Resolved[f.Path])
	case !a.HadFile && known && bytes.Equal(base, f.Content):
		p.accept(f)
	case !a.HadFile:
		a.New, a.Reason = nil, "you deleted it, and svc would emit it otherwise now"
		p.write(a, Gone, f) // said once
	case !emitted:
		p.hold(a, Conflict, inTheWay)
	case !known:
		p.hold(a, Conflict, "what svc emitted last is lost: "+lock.BasePath(f.Path)+" is missing, or was changed")
	case bytes.Equal(base, f.Content):
		p.accept(f)
	case bytes.Equal(a.Old, base) && !p.beholden(f.Path):
		p.write(a, Update, f)
	default:
		p.follow(a, f, p.Merge(f.Path, base, a.Old, f.Content))
	}
}

// follow does what a merge came to.
func (p *planner) follow(a Action, f tree.File, m Merged) {
	a.Notes, a.Pending = m.Notes, m.pending()
	switch {
	case m.Broken != "":
		p.hold(a, Keep, m.Broken)
		return
	case m.Conflict != "":
		p.hold(withConflict(a, m), Conflict, m.Conflict)
		return
	case m.Content == nil || a.HadFile && bytes.Equal(m.Content, a.Old):
		p.accept(f)
		p.left(a, m)
	case !a.HadFile:
		a.New = m.Content
		p.write(a, Create, f)
	case bytes.Equal(m.Content, f.Content):
		p.write(a, Update, f)
	default:
		a.New, a.Reason = m.Content, "you edited it: yours and svc's together"
		p.write(a, Merge, f)
	}
	if m.Waits {
		p.plan.Hold(f.Path, p.Lock) // another run comes back to it
	}
}

func withConflict(a Action, m Merged) Action {
	a.Notes, a.Marked, a.Open = append(a.Notes, m.Places...), m.Marked, m.Open
	return a
}

// moved reports whether a file that was emitted last goes to another path now, with what its owner made of it.
func (p *planner) moved(from string) bool {
	_, ok := p.Moved[from]
	_, exists := p.Disk[from]
	_, known := p.Bases[from]
	return ok && exists && known && !p.Outside[from]
}

// move decides about a file that is emitted at another path than last time. What can't be moved as a whole stays where it is.
func (p *planner) move(a Action, f tree.File, from string) {
	base, disk := p.Bases[from], p.Disk[from]
	stays := Action{Path: from, To: f.Path, Class: f.Class, Old: disk, HadFile: true}
	m, handler := p.Handlers[f.Path]
	source := p.Handlers[from]
	switch {
	case source.Broken != "" || source.Conflict != "":
		p.stay(stays, source)
		return
	case a.HadFile && !bytes.Equal(a.Old, p.Bases[f.Path]) && !bytes.Equal(a.Old, f.Content):
		p.stay(stays, Merged{Conflict: "svc emits it as " + f.Path + " now, where you have a file: move yours away"})
		return
	case handler:
	case bytes.Equal(disk, base):
		m.Content = f.Content
	case bytes.Equal(base, f.Content):
		m.Content = disk
	default:
		m = p.Merge(f.Path, base, disk, f.Content)
	}
	if m.Content == nil || m.Broken != "" || m.Conflict != "" {
		p.stay(stays, m)
		return
	}
	a.New, a.Notes, a.From, a.Reason = m.Content, m.Notes, from, "it was "+from
	if a.HadFile && bytes.Equal(a.New, a.Old) {
		p.accept(f)
	} else {
		p.write(a, writing(a), f)
	}
	p.remove(from, p.Lock.Files[from], "it is "+f.Path+" now")
}

func writing(a Action) Kind {
	if a.HadFile {
		return Update
	}
	return Create
}

// stay holds a file that can't follow what is emitted to another path.
func (p *planner) stay(a Action, m Merged) {
	a = withConflict(a, m)
	a.Marked = nil
	if entry, emitted := p.Lock.Files[a.To]; emitted {
		p.plan.Lock.Files[a.To] = entry
	}
	if m.Broken != "" {
		p.hold(a, Keep, m.Broken)
		return
	}
	p.hold(a, Conflict, cmp.Or(m.Conflict, "it can't be brought to "+a.To+", where svc emits it now"))
}

// resolve does what its owner has decided about a file.
func (p *planner) resolve(a Action, r Resolution) {
	f, _ := p.Generated.Lookup(a.Path)
	p.plan.Resolved = append(p.plan.Resolved, a.Path)
	a.Marked, a.Notes, a.Reason = nil, nil, "as you decided"
	if !r.Theirs {
		a.New = r.Content
	}
	switch {
	case a.New == nil || a.HadFile && bytes.Equal(a.New, a.Old):
		p.accept(f)
	case a.HadFile:
		p.write(a, Update, f)
	default:
		p.write(a, Create, f)
	}
}

// stale decides about a file that is not generated any more.
func (p *planner) stale(path string, entry lock.Entry) {
	disk, exists := p.Disk[path]
	base, known := p.Bases[path]
	a := Action{Path: path, Class: entry.Class, Old: disk, HadFile: exists}
	switch {
	case p.Outside[path]:
		p.forget(path)
	case !exists && p.isLeft(path):
		p.plan.Lock.Files[path] = entry
	case !exists:
		p.forget(path)
	case entry.Class == tree.Owned && (strings.HasPrefix(path, "gen/") || generated(disk)):
		p.remove(path, entry, "no longer emitted")
	case known && bytes.Equal(disk, base):
		p.remove(path, entry, "no longer emitted")
	case p.adopted(path):
		p.plan.Resolved = append(p.plan.Resolved, path)
		p.forget(path)
	case p.Resolved[path].Theirs:
		p.plan.Resolved = append(p.plan.Resolved, path)
		p.remove(path, entry, "as you decided")
	default:
		a.Kind, a.Reason = Orphan, "you edited it, and svc no longer emits it"
		if entry.Class == tree.Decl {
			a.Reason += ", nor what it uses of gen/"
		}
		if to := p.Blocked[path]; to != "" {
			a.Reason = "you say that it is " + to + " now, where you have written, too: bring there what you need of it"
		}
		p.plan.Actions = append(p.plan.Actions, a)
		p.plan.Lock.Files[path] = entry
	}
}

// adopted reports whether the owner has decided that a file that is no longer emitted is theirs.
func (p *planner) adopted(path string) bool {
	r, ok := p.Resolved[path]
	return ok && !r.Theirs
}

// beside lists the files of packages of handlers that svc has never emitted.
func (p *planner) beside() {
	for path, m := range p.Handlers {
		_, emitted := p.Lock.Files[path]
		if _, ok := p.Generated.Lookup(path); ok || emitted {
			continue
		}
		a := Action{Path: path, Class: tree.Decl, Old: p.Disk[path], HadFile: true, Notes: append(m.Notes, m.Places...), Pending: m.pending()}
		switch {
		case m.Broken != "" || m.Conflict != "":
			a.Kind, a.Reason, a.Pending = Keep, cmp.Or(m.Broken, m.Conflict), true
		case m.Content == nil && len(a.Old) > 0:
			a.Kind, a.Reason = Delete, "what it holds is no longer emitted"
		case m.Content != nil && !bytes.Equal(m.Content, a.Old):
			a.Kind, a.Reason, a.New = Merge, "handlers that you have here follow the contract", m.Content
		default:
			p.left(a, m)
			continue
		}
		p.plan.Actions = append(p.plan.Actions, a)
	}
}

// isLeft reports whether other files hold something of one that svc no longer emits, or may do so.
func (p *planner) isLeft(path string) bool {
	for file, m := range p.Handlers {
		if slices.Contains(m.Left, path) && !p.adopted(file) {
			return true
		}
	}
	return p.Handlers[path].Waits
}

// left names a file as long as it holds something of one that svc no longer emits, unless its owner has decided that it is
// theirs.
func (p *planner) left(a Action, m Merged) {
	switch {
	case len(m.Left) == 0:
		p.tell(a)
	case p.adopted(a.Path):
		p.plan.Resolved = append(p.plan.Resolved, a.Path)
	default:
		a.Kind, a.New, a.Reason = Orphan, nil, "it holds what you edited of "+strings.Join(m.Left, ", ")+", which svc no longer emits, nor what that uses of gen/"
		p.plan.Actions = append(p.plan.Actions, a)
	}
}

func (p *planner) write(a Action, kind Kind, f tree.File) {
	a.Kind = kind
	p.plan.Actions = append(p.plan.Actions, a)
	p.accept(f)
}

// accept records what was generated as what was emitted last.
func (p *planner) accept(f tree.File) {
	p.plan.Lock.Files[f.Path] = lock.EntryOf(f)
	base, known := p.Bases[f.Path]
	switch {
	case f.Class == tree.Owned:
		p.forget(f.Path)
	case !known || !bytes.Equal(base, f.Content):
		p.plan.Bases[f.Path] = nonNil(f.Content)
	}
}

// tell passes on what the owner should know of a file that stays as it is.
func (p *planner) tell(a Action) {
	switch {
	case len(a.Notes) == 0 && !a.Pending:
		return
	case a.HadFile:
		a.Kind, a.Reason = Keep, "it stays as it is"
	default:
		a.Kind, a.Reason = Gone, "you deleted it"
	}
	a.New = nil
	p.plan.Actions = append(p.plan.Actions, a)
}

// hold leaves the file and its base as they are, unless its owner has decided about a conflict.
func (p *planner) hold(a Action, kind Kind, reason string) {
	a.Kind, a.Reason = kind, reason
	r, decided := p.Resolved[a.Path]
	if _, emitted := p.Generated.Lookup(a.Path); decided && emitted && kind == Conflict && (r.Theirs || a.Class != tree.Owned) {
		p.resolve(a, r)
		return
	}
	a.Base, a.Pending = p.Bases[a.Path], true
	p.plan.Actions = append(p.plan.Actions, a)
	p.plan.Held = append(p.plan.Held, a.Path)
	if entry, emitted := p.Lock.Files[a.Path]; emitted {
		p.plan.Lock.Files[a.Path] = entry
	}
}

func (p *planner) remove(path string, entry lock.Entry, reason string) {
	a := Action{Kind: Delete, Path: path, Class: entry.Class, Old: p.Disk[path], HadFile: true, Reason: reason}
	a.Edited = entry.Class == tree.Owned && !pristine(a.Old, entry)
	p.plan.Actions = append(p.plan.Actions, a)
	p.forget(path)
}

func (p *planner) forget(path string) {
	if _, known := p.Bases[path]; known {
		p.plan.Bases[path] = nil
	}
}

// nonNil tells an empty content from none.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
