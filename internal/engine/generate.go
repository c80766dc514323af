package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/protoload"
)

// Options say how a project is brought up to date.
type Options struct {
	Dry     bool // only say what would be done
	Markers bool // write files with conflicts with git's markers, rather than leave them as they are
	Resolve Resolve
}

// Result is what a generation did, or would do.
type Result struct {
	Plan      *plan.Plan
	Changes   []apply.Change // all that is written, in the project and in .svc
	Warnings  diag.Set
	Recovered bool          // a run that was killed has been finished first
	Kept      []string      // what that run would have replaced, had it not been written to since
	Finished  []plan.Action // of that run, as far as there is something to know of them

	stubs []protoload.StubFile
}

// Record reports whether what svc has recorded, and is committed, changes.
func (r *Result) Record() bool {
	return slices.ContainsFunc(r.Changes, func(c apply.Change) bool { return isRecord(c.Path) })
}

// Generate brings the project in dir up to date with its manifest, contract and templates.
func (e *Engine) Generate(ctx context.Context, dir string, o Options) (*Result, error) {
	if o.Dry {
		r, _, err := e.run(ctx, dir, o)
		return r, err
	}
	if _, err := e.ReadManifest(dir); err != nil {
		return nil, err // before anything is made in dir
	}
	project, err := e.open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer project.Close()
	r, inputs, err := e.run(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	r.opened(project, dir)
	if r.Plan.Lock == nil {
		return r, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := write(project, r); err != nil {
		return nil, err
	}
	return r, errors.Join(rememberStubs(project, r.stubs), remember(project, dir, inputs, r))
}

// run says what a generation would do; its plan is empty when nothing has changed since the last. inputs is the digest
// of what it read. It reads all of it by itself: another run may have changed it while this one waited.
func (e *Engine) run(ctx context.Context, dir string, o Options) (r *Result, inputs string, err error) {
	content, err := readManifest(dir)
	if err != nil {
		return nil, "", err
	}
	m, err := e.ParseManifest(manifest.FileName, content)
	if err != nil {
		return nil, "", err
	}
	inputs, err = inputsDigest(dir, m, content)
	if err == nil && len(o.Resolve.Paths) == 0 && unchanged(dir, inputs) {
		return &Result{Plan: &plan.Plan{}}, inputs, nil
	}
	c, err := e.LoadContract(ctx, dir, m) // it says better what can't be read
	if err != nil {
		return nil, "", err
	}
	r, err = e.plan(ctx, dir, m, c, o)
	return r, inputs, err
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
		p, err := apply.OpenContext(ctx, dir)
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

// plan says what brings the project in dir up to date with a manifest and a contract.
func (e *Engine) plan(ctx context.Context, dir string, m *manifest.Manifest, c *protoload.Contract, o Options) (*Result, error) {
	now, err := ReadPresent(dir)
	if err != nil {
		return nil, err
	}
	emission, err := e.Emit(ctx, m, c, now, true)
	if err != nil {
		return nil, err
	}
	scope := Whole
	scope.Markers = o.Markers
	if scope.Resolved, err = o.Resolve.read(dir); err != nil {
		return nil, err
	}
	r, err := e.Plan(dir, m, emission, scope)
	if err != nil {
		return nil, err
	}
	return r, o.Resolve.check(r.Plan)
}
