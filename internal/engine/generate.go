package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/plan"
)

// Result is what a generation did, or would do.
type Result struct {
	Plan      *plan.Plan
	Warnings  diag.Set
	Recovered bool     // a run that was killed has been finished first
	Kept      []string // what that run would have replaced, had it not been written to since
}

// Generate brings the project in dir up to date with its manifest, contract and templates.
// With dry it only says what it would do.
func (e *Engine) Generate(ctx context.Context, dir string, dry bool) (*Result, error) {
	m, err := e.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if dry {
		result, _, err := e.resultOf(ctx, dir, m)
		return result, err
	}
	project, err := e.open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer project.Close()
	result, inputs, err := e.resultOf(ctx, dir, m)
	if err != nil {
		return nil, err
	}
	result.Recovered, result.Kept = project.Recovered, project.Kept
	if result.Plan.Lock == nil {
		return result, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	changes, err := Changes(dir, result.Plan)
	if err != nil {
		return nil, err
	}
	if err := project.Apply(changes); err != nil {
		return nil, err
	}
	return result, remember(project, dir, inputs, result)
}

// resultOf says what a run would do; its plan is empty when nothing has changed since the last. inputs is the digest
// of what the run read.
func (e *Engine) resultOf(ctx context.Context, dir string, m *manifest.Manifest) (result *Result, inputs string, err error) {
	if inputs, err = inputsDigest(dir, m); err == nil && unchanged(dir, inputs) {
		return &Result{Plan: &plan.Plan{}}, inputs, nil
	}
	result, err = e.plan(ctx, dir, m) // it says better what can't be read
	return result, inputs, err
}

// open takes hold of the project. An interrupt ends the wait for another run.
func (e *Engine) open(ctx context.Context, dir string) (*apply.Project, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	type opened struct {
		project *apply.Project
		err     error
	}
	done := make(chan opened, 1)
	go func() {
		p, err := apply.Open(dir)
		done <- opened{p, err}
	}()
	waiting := time.AfterFunc(time.Second, func() { e.Progress("waiting for another run of svc in " + dir) })
	defer waiting.Stop()
	select {
	case o := <-done:
		return o.project, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.err == nil {
				_ = o.project.Close() // nothing has been written
			}
		}()
		return nil, ctx.Err()
	}
}

func (e *Engine) plan(ctx context.Context, dir string, m *manifest.Manifest) (*Result, error) {
	c, err := e.LoadContract(ctx, dir, m)
	if err != nil {
		return nil, err
	}
	module, err := ReadModule(dir)
	if err != nil {
		return nil, err
	}
	emission, err := e.Emit(ctx, m, c, module, true)
	if err != nil {
		return nil, err
	}
	p, err := e.Plan(dir, emission.Tree, Whole)
	if err != nil {
		return nil, err
	}
	return &Result{Plan: p, Warnings: emission.Model.Warnings}, nil
}

// Changes lists what a plan writes: the files, their bases, and the lock last.
func Changes(dir string, p *plan.Plan) ([]apply.Change, error) {
	var changes []apply.Change
	for _, a := range p.Actions {
		if a.Writes() {
			changes = append(changes, apply.Change{Path: a.Path, Content: a.New, Expect: expect(a)})
		}
	}
	// Deletions come first: where case is ignored, gen/shop is deleted before gen/Shop is written.
	slices.SortStableFunc(changes, func(a, b apply.Change) int { return cmp.Compare(order(a), order(b)) })
	own := map[string][]byte{}
	for path, content := range p.Bases {
		own[lock.BasePath(path)] = content
	}
	var paths []string
	for path := range own {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	own[lock.Path] = p.Lock.Format()
	for _, path := range append(paths, lock.Path) {
		now, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if (err == nil) == (own[path] != nil) && bytes.Equal(now, own[path]) {
			continue
		}
		c := apply.Change{Path: path, Content: own[path]}
		if err == nil {
			c.Expect = nonNil(now)
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func order(c apply.Change) int {
	if c.Content == nil {
		return 0
	}
	return 1
}

func expect(a plan.Action) []byte {
	if !a.HadFile {
		return nil
	}
	return nonNil(a.Old)
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
	files := map[string][]byte{lock.Path: p.Lock.Format()}
	for path, content := range extra {
		files[path] = content
	}
	for _, a := range p.Actions {
		if a.Writes() {
			files[a.Path] = a.New
		}
	}
	for path, content := range p.Bases {
		files[lock.BasePath(path)] = content
	}
	return files
}
