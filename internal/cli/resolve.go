package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/ui"
)

type resolveOptions struct {
	dir   string
	sides map[engine.Side]*bool
	paths []string
}

func newResolve(io *ui.IO) *cobra.Command {
	o := resolveOptions{sides: map[engine.Side]*bool{}}
	c := &cobra.Command{
		Use:   "resolve [FILE…]",
		Short: "List what svc leaves for you to decide, or decide it",
		Long: `Without a file, resolve lists the files that need a decision: those with conflicts, and those that svc no longer
emits and you have edited. With files it decides about them, and brings the project up to date.

--ours    your file stays as it was; what svc changed is known to be left out
--theirs  the file becomes as svc emits it; one that is no longer emitted goes, one that you deleted comes back
--merged  the file is as it is to be: you have edited both sides together

The sides of a conflict are in .svc/conflicts.`,
		RunE: func(c *cobra.Command, args []string) error {
			o.paths = args
			return o.run(c.Context(), io)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.dir, "project", "C", ".", "the project's `folder`, or one below it")
	for side, usage := range map[engine.Side]string{
		engine.Ours: "keep your file", engine.Theirs: "take svc's file", engine.Merged: "the file is as it is to be",
	} {
		o.sides[side] = f.Bool(string(side), false, usage)
	}
	return c
}

// side is the one that was asked for, or "".
func (o resolveOptions) side() (engine.Side, error) {
	var asked []engine.Side
	for _, side := range []engine.Side{engine.Ours, engine.Theirs, engine.Merged} {
		if *o.sides[side] {
			asked = append(asked, side)
		}
	}
	switch len(asked) {
	case 0:
		return "", nil
	case 1:
		return asked[0], nil
	}
	return "", usagef("--%s and --%s exclude each other", asked[0], asked[1])
}

func (o resolveOptions) run(ctx context.Context, io *ui.IO) error {
	dir, err := engine.FindProject(o.dir)
	if err != nil {
		return err
	}
	side, err := o.side()
	switch {
	case err != nil:
		return err
	case len(o.paths) == 0 && side == "":
		return listUnresolved(ctx, io, dir)
	case len(o.paths) == 0:
		return usagef("name the files to resolve: svc resolve lists them")
	case side == "":
		return usagef("say how to resolve it: --ours, --theirs or --merged")
	}
	return o.decide(ctx, io, dir, side)
}

// decide carries out a decision.
func (o resolveOptions) decide(ctx context.Context, io *ui.IO, dir string, side engine.Side) error {
	paths, err := o.inProject(dir)
	if err != nil {
		return err
	}
	result, err := newEngine(io).Generate(ctx, dir, engine.Options{Resolve: engine.Resolve{Paths: paths, Side: side}})
	if err != nil {
		return locatedError(dir, err)
	}
	for _, path := range paths {
		if _, err := fmt.Fprintf(io.Out, "resolved %s\n", inDir(dir, path)); err != nil {
			return err
		}
	}
	return ended(io, report{Result: result, dir: dir})
}

// ended prints what a run did, and tells what it left.
func ended(io *ui.IO, r report) error {
	r.Warnings = located(r.dir, r.Warnings)
	if err := r.text(io); err != nil {
		return err
	}
	if r.Plan.Conflicts() {
		return errConflicts
	}
	return nil
}

// inProject turns paths from the working folder into paths in the project.
func (o resolveOptions) inProject(dir string) ([]string, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(o.paths))
	for i, p := range o.paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(root, abs)
		if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return nil, usagef("%s is not in the project %s", p, dir)
		}
		paths[i] = filepath.ToSlash(rel)
	}
	return paths, nil
}

func listUnresolved(ctx context.Context, io *ui.IO, dir string) error {
	result, err := newEngine(io).Generate(ctx, dir, engine.Options{Dry: true})
	if err != nil {
		return locatedError(dir, err)
	}
	result.Plan.Actions = slices.DeleteFunc(result.Plan.Actions, func(a plan.Action) bool {
		return !slices.Contains([]plan.Kind{plan.Conflict, plan.Orphan}, a.Kind)
	})
	if len(result.Plan.Actions) == 0 {
		_, err := fmt.Fprintln(io.Out, "nothing to resolve")
		return err
	}
	return ended(io, report{Result: result, dir: dir, dry: true})
}
