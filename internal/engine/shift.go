package engine

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/rename"
	"github.com/svcgen/svc/internal/tree"
)

// shift says where files go of services of which one gets the name that another had, from → to. They can't go one after the
// other: each is in the place of the next.
type shift map[string]string

// shiftOf is none when something else is in the place of one of them: then nothing can go on.
func shiftOf(found rename.Found, in plan.Input) shift {
	s := shift{}
	now := pathsNow(in.Generated)
	names := slices.Collect(maps.Values(found.Services))
	for path, entry := range in.Lock.Files {
		is := found.Services[entry.Of]
		to, emitted := now[emitter{entry.Template, is}]
		chained := found.Services[is] != "" || slices.Contains(names, entry.Of)
		if entry.Of != "" && entry.Class != tree.Owned && emitted && chained && to != path {
			s[path] = to
		}
	}
	for file, to := range s {
		_, there := in.Disk[to]
		_, before := in.Lock.Files[to]
		elsewhere := in.Lock.Files[file].Class == tree.Decl && path.Dir(file) != path.Dir(to) // it would be of another package
		if _, goes := s[to]; elsewhere || in.Outside[file] || in.Outside[to] || !goes && (there || before) {
			return nil
		}
	}
	return s
}

// input is the project as if its owner had put the files where they go.
func (s shift) input(in plan.Input) plan.Input {
	if len(s) == 0 {
		return in
	}
	in.Lock = &lock.Lock{Files: shifted(s, in.Lock.Files), RPCs: in.Lock.RPCs}
	in.Disk, in.Bases = shifted(s, in.Disk), shifted(s, in.Bases)
	return in
}

func shifted[V any](s shift, files map[string]V) map[string]V {
	out := maps.Clone(files)
	for path := range s {
		delete(out, path)
	}
	for path, to := range s {
		if v, ok := files[path]; ok {
			out[to] = v
		}
	}
	return out
}

// paths are all that a shift is about.
func (s shift) paths() []string {
	return slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for path, to := range s {
			if !yield(path) || !yield(to) {
				return
			}
		}
	}))
}

// restate turns a plan for the shifted project into one for the project as it is. It reports false when a file is left for
// its owner to decide: that can't be where the file isn't yet.
func (s shift) restate(p *plan.Plan, as, in plan.Input) bool {
	from := map[string]string{}
	for path, to := range s {
		from[to] = path
	}
	for _, path := range s.paths() {
		a := plan.Action{Path: path, New: as.Disk[path], Class: as.Lock.Files[path].Class}
		if i := slices.IndexFunc(p.Actions, func(a plan.Action) bool { return a.Path == path }); i >= 0 {
			a = p.Actions[i]
			p.Actions = slices.Delete(p.Actions, i, i+1)
		}
		if a.Pending || slices.Contains([]plan.Kind{plan.Conflict, plan.Orphan}, a.Kind) {
			return false
		}
		if a.Kind != "" && !a.Writes() {
			a.New = as.Disk[path]
		}
		a.Old, a.HadFile = in.Disk[path], in.Disk[path] != nil
		switch {
		case a.New == nil:
			a.Kind, a.Class, a.Reason = plan.Delete, in.Lock.Files[path].Class, "it is "+s[path]+" now"
		case a.HadFile:
			a.Kind, a.Reason = plan.Update, "it was "+from[path]
		default:
			a.Kind, a.Reason = plan.Create, "it was "+from[path]
		}
		if (a.New != nil || a.HadFile) && !bytes.Equal(a.New, a.Old) {
			p.Actions = append(p.Actions, a)
		}
		if _, written := p.Bases[path]; !written {
			p.Bases[path] = as.Bases[path]
		}
	}
	slices.SortFunc(p.Actions, func(a, b plan.Action) int { return strings.Compare(a.Path, b.Path) })
	return true
}
