package engine

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/tree"
)

// changes lists what a plan writes: the files, then what svc keeps for itself, and the lock last.
func changes(dir string, p *plan.Plan) ([]apply.Change, error) {
	own := ownFiles(p)
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		list := fileChanges(p, func(path string) string { return path })
		for _, path := range ownOrder(own) {
			list = append(list, apply.Change{Path: path, Content: own[path]})
		}
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := endedConflicts(root, own); err != nil {
		return nil, err
	}
	list := fileChanges(p, func(path string) string {
		at, _ := followLinks(root, path)
		return at
	})
	in := apply.NewReader(root)
	defer in.Close()
	for _, path := range ownOrder(own) {
		if list, err = appendChange(list, in, path, own[path]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ownOrder is by path, and the lock last.
func ownOrder(own map[string][]byte) []string {
	return slices.SortedFunc(maps.Keys(own), func(a, b string) int {
		return cmp.Or(cmp.Compare(order(a == lock.Path), order(b == lock.Path)), strings.Compare(a, b))
	})
}

// fileChanges are the changes of the project's own files. A link stays, and what it leads to changes.
func fileChanges(p *plan.Plan, follow func(path string) string) []apply.Change {
	var changes []apply.Change
	for _, a := range p.Actions {
		if !a.Writes() {
			continue
		}
		c := apply.Change{Path: a.Path, Content: a.Content(), Like: a.From}
		if a.HadFile {
			c.Expect = nonNil(a.Old)
		}
		if a.HadFile && a.Kind != plan.Delete {
			c.Path = follow(a.Path)
		}
		changes = append(changes, c)
	}
	return inOrder(changes)
}

// inOrder puts deletions last: what has moved to another file is there before the first one goes, so that a run that is
// interrupted, and never finished, has lost nothing. Only what is in the way of a new file goes before it: a file where a
// folder is to be, and one of the same name where case is ignored.
func inOrder(changes []apply.Change) []apply.Change {
	files, folders := map[string]bool{}, map[string]bool{}
	for _, c := range changes {
		if c.Content == nil {
			continue
		}
		p := strings.ToLower(c.Path)
		for files[p] = true; p != "."; {
			p = path.Dir(p)
			folders[p] = true
		}
	}
	inTheWay := func(p string) bool {
		p = strings.ToLower(p)
		found := folders[p]
		for ; p != "."; p = path.Dir(p) {
			found = found || files[p]
		}
		return found
	}
	rank := func(c apply.Change) int {
		switch {
		case c.Content != nil:
			return 1
		case inTheWay(c.Path):
			return 0
		default:
			return 2
		}
	}
	slices.SortStableFunc(changes, func(a, b apply.Change) int { return cmp.Compare(rank(a), rank(b)) })
	return changes
}

func order(later bool) int {
	if later {
		return 1
	}
	return 0
}

// ownFiles are the contents of what svc keeps for itself, by path; nil is none.
func ownFiles(p *plan.Plan) map[string][]byte {
	own := map[string][]byte{lock.Path: p.Lock.Format()}
	for path, content := range p.Bases {
		own[lock.BasePath(path)] = content
	}
	for _, a := range p.Actions {
		if a.Edited {
			own[editedPath(a)] = a.Old
		}
		if a.Kind == plan.Conflict && a.To == "" {
			maps.Copy(own, conflictFiles(a))
		}
	}
	return own
}

// isRecord reports whether a path is part of what is committed of .svc.
func isRecord(path string) bool {
	return path == lock.Path || strings.HasPrefix(path, lock.BasePath(""))
}

// editedPath is where an edit of svc's own file is kept, each under a name of its own.
func editedPath(a plan.Action) string {
	return lock.Dir + "/edited/" + a.Path + "." + tree.Sum(a.Old)[:8]
}

// Aside lists the files under .svc that a run keeps for an action: the sides of a conflict, or an edit of svc's own file.
func Aside(a plan.Action) []string {
	switch {
	case a.Edited:
		return []string{editedPath(a)}
	case a.Kind == plan.Conflict && a.To == "":
		return slices.Sorted(maps.Keys(conflictFiles(a)))
	}
	return nil
}

// appendChange appends what makes the content of a file the given one, unless it is already.
func appendChange(changes []apply.Change, in reader, path string, content []byte) ([]apply.Change, error) {
	now, err := readIn(in, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if exists := err == nil; exists == (content != nil) && bytes.Equal(now, content) {
		return changes, nil
	}
	c := apply.Change{Path: path, Content: content}
	if err == nil {
		c.Expect = nonNil(now)
	}
	return append(changes, c), nil
}

// The versions that a conflict leaves under .svc/conflicts, each after the path of its file.
const (
	conflictDir = lock.Dir + "/conflicts"
	baseSuffix  = ".base"
	oursSuffix  = ".ours"
	theirSuffix = ".theirs"
)

func conflictPath(path, suffix string) string { return conflictDir + "/" + path + suffix }

// conflictFiles are the sides of a conflict, for its owner to look at and for svc resolve.
func conflictFiles(a plan.Action) map[string][]byte {
	files := map[string][]byte{conflictPath(a.Path, theirSuffix): nonNil(a.New)}
	if a.Base != nil {
		files[conflictPath(a.Path, baseSuffix)] = a.Base
	}
	if !a.Open {
		files[conflictPath(a.Path, oursSuffix)] = nonNil(a.Old)
	}
	return files
}

// endedConflicts adds to own that the files of conflicts that are no more are to go.
func endedConflicts(root *os.Root, own map[string][]byte) error {
	paths, err := conflictsOnDisk(root)
	for _, path := range paths {
		for _, suffix := range []string{baseSuffix, oursSuffix, theirSuffix} {
			if _, ok := own[conflictPath(path, theirSuffix)]; ok && suffix != baseSuffix {
				continue
			}
			if _, ok := own[conflictPath(path, suffix)]; !ok {
				own[conflictPath(path, suffix)] = nil
			}
		}
	}
	return err
}

// conflictsOnDisk lists the files that have conflicts, in order.
func conflictsOnDisk(root *os.Root) ([]string, error) {
	var paths []string
	if info, err := root.Lstat(conflictDir); err != nil || !info.IsDir() {
		return nil, ignoreNotExist(err) // a link leads to what is not svc's
	}
	err := fs.WalkDir(root.FS(), conflictDir, func(p string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if path, ok := strings.CutSuffix(p, theirSuffix); ok && err == nil && e.Type().IsRegular() && tree.CheckPath(p) == nil {
			paths = append(paths, strings.TrimPrefix(path, conflictDir+"/"))
		}
		return err
	})
	return paths, err
}

// nonNil tells an empty file from none.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// New returns the whole content of a fresh project, by path: what the plan for an empty folder writes, and the extra files.
func New(p *plan.Plan, extra map[string][]byte) map[string][]byte {
	files := ownFiles(p)
	maps.Copy(files, extra)
	for _, a := range p.Actions {
		if a.Writes() {
			files[a.Path] = a.Content()
		}
	}
	return files
}
