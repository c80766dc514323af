package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/tree"
)

// Edit is what a file of the owner's is to hold: svc.yaml, or a file of the contract.
type Edit struct {
	Path string // in the project
	Old  []byte // what the edit was made of; nil when there is no file yet
	New  []byte
}

// Add carries out edits of the manifest and the contract and brings the project up to date with them. All is planned on
// the edited contents and then written together, so that a mistake, a failure or an interrupt leaves nothing behind.
// What is wrong with the edited files is a diag.Set that shows their lines.
func (e *Engine) Add(ctx context.Context, dir string, edits []Edit) (*Result, error) {
	own, err := editChanges(dir, edits)
	if err != nil {
		return nil, err
	}
	project, err := e.open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer project.Close()
	m, c, err := e.readEdited(ctx, dir, edits) // not before: another run may have added something, too
	if err != nil {
		return nil, asEdited(err, edits)
	}
	r, err := e.plan(ctx, dir, m, c, Options{})
	if err != nil {
		return nil, asEdited(err, edits)
	}
	r.opened(project, dir)
	r.Changes = slices.Concat(own, r.Changes)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := write(project, r); err != nil {
		return nil, err
	}
	return r, rememberStubs(project, r.stubs)
}

// editChanges are the changes that edits make. A link stays, and what it leads to changes.
func editChanges(dir string, edits []Edit) ([]apply.Change, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var found diag.Set
	changes := make([]apply.Change, len(edits))
	for i, e := range edits {
		at, out := followLinks(root, e.Path)
		_, err := root.Stat(path.Dir(at))
		switch {
		case out:
			found.At(diag.Pos{File: e.Path}, "edit it where it is, then run svc generate", "it is a link that leads out of the project")
		case tree.CheckPath(at) != nil:
			found.At(diag.Pos{File: e.Path}, "", "%v", tree.CheckPath(at))
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			found.At(diag.Pos{File: e.Path}, "edit it where it is, then run svc generate", "svc can't write there: %v", err)
		}
		changes[i] = apply.Change{Path: at, Content: e.New, Expect: e.Old}
	}
	return changes, found.Err()
}

// readEdited reads the manifest and the contract as they are with edits.
func (e *Engine) readEdited(ctx context.Context, dir string, edits []Edit) (*manifest.Manifest, *protoload.Contract, error) {
	i := slices.IndexFunc(edits, func(e Edit) bool { return e.Path == manifest.FileName })
	var m *manifest.Manifest
	var err error
	if i < 0 {
		m, err = e.ReadManifest(dir)
	} else {
		m, err = e.ParseManifest(manifest.FileName, edits[i].New)
	}
	if err != nil {
		return nil, nil, err
	}
	if protos := slices.DeleteFunc(slices.Clone(edits), func(e Edit) bool { return e.Path == manifest.FileName }); len(protos) > 0 {
		c, err := e.loadEdited(ctx, dir, m, protos)
		return m, c, err
	}
	c, err := e.LoadContract(ctx, dir, m)
	return m, c, err
}

// loadEdited is LoadContract for a contract of which some files are not on disk: they are put below import roots of
// their own, before those whose files they hide.
func (e *Engine) loadEdited(ctx context.Context, dir string, m *manifest.Manifest, edits []Edit) (c *protoload.Contract, err error) {
	if err := findContract(dir, m.Proto); err != nil {
		return nil, err
	}
	stage, err := os.MkdirTemp("", "svc-add-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	src, known, err := overlay(dir, stage, m.Proto.Roots, edits)
	if err != nil {
		return nil, err
	}
	if c, err = protoload.Load(ctx, src); err != nil {
		return nil, renamed(err, known)
	}
	for file, p := range c.Paths {
		c.Paths[file] = known.Replace(p)
	}
	return c, nil
}

// overlay puts the edited files below stage. known makes paths as the compiler sees them those that a person knows.
func overlay(dir, stage string, roots []string, edits []Edit) (src protoload.Source, known *strings.Replacer, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return src, nil, err
	}
	var names []string
	for i, root := range roots {
		below, at := filepath.Join(stage, strconv.Itoa(i)), filepath.Join(abs, filepath.FromSlash(root))
		files, err := protoload.Files(at)
		if err != nil {
			return src, nil, err
		}
		edited, err := stageEdits(below, root, edits)
		if err != nil {
			return src, nil, err
		}
		for _, dir := range []string{below, at} {
			slashed := strings.TrimSuffix(filepath.ToSlash(dir), "/")
			src.Roots = append(src.Roots, slashed)
			names = append(names, slashed+"/", strings.TrimPrefix(path.Clean(root)+"/", "./"))
		}
		src.Files = append(append(src.Files, files...), edited...)
	}
	slices.Sort(src.Files)
	src.Files = slices.Compact(src.Files)
	return src, strings.NewReplacer(names...), nil
}

// stageEdits writes the files of an import root, and returns their import paths.
func stageEdits(dir, root string, edits []Edit) ([]string, error) {
	files := map[string][]byte{}
	var names []string
	for _, e := range edits {
		name, err := filepath.Rel(filepath.FromSlash(root), filepath.FromSlash(e.Path))
		if err == nil && filepath.IsLocal(name) {
			names = append(names, filepath.ToSlash(name))
			files[filepath.ToSlash(name)] = e.New
		}
	}
	return names, errors.Join(os.Mkdir(dir, 0o755), apply.Fill(dir, files))
}

// renamed puts the paths that a person knows into findings.
func renamed(err error, known *strings.Replacer) error {
	var found diag.Set
	if !errors.As(err, &found) {
		return err
	}
	out := slices.Clone(found)
	for i, d := range out {
		out[i].File, out[i].Message = known.Replace(d.File), known.Replace(d.Message)
	}
	return out.Err()
}

// asEdited shows findings on the edited contents, which are nowhere to be looked at.
func asEdited(err error, edits []Edit) error {
	var found diag.Set
	if !errors.As(err, &found) {
		return err
	}
	found = found.WithSource(func(file string) ([]byte, error) {
		i := slices.IndexFunc(edits, func(e Edit) bool { return e.Path == file })
		if i < 0 {
			return nil, fs.ErrNotExist
		}
		return edits[i].New, nil
	})
	const nowhere = "so it would be with the addition; nothing was written"
	for i, d := range found {
		if slices.ContainsFunc(edits, func(e Edit) bool { return e.Path == d.File }) {
			found[i].Hint = strings.TrimPrefix(d.Hint+" – "+nowhere, " – ")
		}
	}
	return found
}
