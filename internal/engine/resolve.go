package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/svcgen/svc/internal/merge"
	"github.com/svcgen/svc/internal/plan"
)

// Resolve is what the owner of a project decides about files that svc can't decide about.
type Resolve struct {
	Paths []string // in the project
	Side  Side
}

// Side is whose content a file with a conflict gets.
type Side string

// The sides of a conflict.
const (
	Ours   Side = "ours"   // its owner's, as it was before the conflict
	Theirs Side = "theirs" // svc's
	Merged Side = "merged" // what its owner has made of both
)

// ErrNotResolved means that a decision can't be followed. Nothing was written.
var ErrNotResolved = errors.New("not resolved")

// read turns the decision into one for each file.
func (r Resolve) read(dir string) (map[string]plan.Resolution, error) {
	if len(r.Paths) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	decided := map[string]plan.Resolution{}
	for _, path := range r.Paths {
		if decided[path], err = r.one(root, path); err != nil {
			return nil, err
		}
	}
	return decided, nil
}

func (r Resolve) one(root *os.Root, path string) (plan.Resolution, error) {
	if r.Side == Theirs {
		return plan.Resolution{Theirs: true}, nil
	}
	disk, err := readIn(root, path)
	if err != nil || !merge.Marked(disk) {
		return plan.Resolution{}, ignoreNotExist(err)
	}
	if r.Side == Merged {
		return plan.Resolution{}, fmt.Errorf("%w: %s still has conflict markers: edit them away first", ErrNotResolved, path)
	}
	ours, err := readIn(root, conflictPath(path, oursSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return plan.Resolution{}, fmt.Errorf("%w: %s has conflict markers, and what it was before is not on this machine: edit them away, then take --merged", ErrNotResolved, path)
	}
	return plan.Resolution{Content: nonNil(ours)}, err
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// check reports decisions about files that need none, or can't have this one.
func (r Resolve) check(p *plan.Plan) error {
	for _, path := range r.Paths {
		if slices.Contains(p.Resolved, path) {
			continue
		}
		if slices.ContainsFunc(p.Actions, func(a plan.Action) bool { return a.Path == path && a.Kind == plan.Conflict }) {
			return fmt.Errorf("%w: %s is svc's own file: move yours away, or take --theirs", ErrNotResolved, path)
		}
		return fmt.Errorf("%w: there is nothing to decide about %s", ErrNotResolved, path)
	}
	return nil
}
