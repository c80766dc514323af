package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/ui"
	"github.com/svcgen/svc/internal/watch"
)

func newWatch(io *ui.IO) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "watch",
		Short: "Regenerate whenever the contract or svc.yaml changes",
		Long: `Watch runs svc generate now and whenever the contract or svc.yaml changes. It says what changed, shows errors and
goes on, and is quiet when there is nothing to do. Ctrl-C ends it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return watchRun(c.Context(), io, dir) },
	}
	c.Flags().StringVarP(&dir, "project", "C", ".", "the project's `folder`, or one below it")
	return c
}

func watchRun(ctx context.Context, io *ui.IO, dir string) error {
	project, err := engine.FindProject(dir)
	if err != nil {
		return err
	}
	w := follower{io: io, dir: project, engine: newEngine(io)}
	fmt.Fprintf(io.Err, "watching %s: Ctrl-C ends it\n", project)
	return watch.Changes(ctx, w.set, func() { w.generate(ctx) })
}

type follower struct {
	io     *ui.IO
	dir    string
	engine *engine.Engine
	last   watch.Set // of the last manifest that could be read
	failed string    // the error that was shown last
	said   string    // the report that was shown last
}

// set is what the manifest says; while it can't be read, what it said last.
func (w *follower) set() watch.Set {
	m, err := w.engine.ReadManifest(w.dir)
	if err == nil {
		w.last = watch.Set{Ext: ".proto"}
		for _, root := range m.Proto.Roots {
			w.last.Trees = append(w.last.Trees, filepath.Join(w.dir, filepath.FromSlash(root)))
		}
		if m.Proto.DescriptorSet != "" {
			w.last.Files = append(w.last.Files, filepath.Join(w.dir, filepath.FromSlash(m.Proto.DescriptorSet)))
		}
		w.last.Files = append(w.last.Files, filepath.Join(w.dir, manifest.FileName))
	}
	if len(w.last.Files) == 0 {
		w.last.Files = []string{filepath.Join(w.dir, manifest.FileName)}
	}
	return w.last
}

// generate brings the project up to date, and tells what there is to tell.
func (w *follower) generate(ctx context.Context) {
	result, err := w.engine.Generate(ctx, w.dir, engine.Options{})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.fail(locatedError(w.dir, err))
		return
	}
	said := fmt.Sprint(result.Plan.Actions, result.Warnings)
	if w.failed != "" || len(result.Changes) > 0 || len(result.Plan.Actions) > 0 && said != w.said {
		if err := ended(w.io, report{Result: result, dir: w.dir}); err != nil && !errors.Is(err, errConflicts) {
			w.fail(err)
			return
		}
	}
	w.failed, w.said = "", said
}

// fail shows an error, once for as long as it stays the same.
func (w *follower) fail(err error) {
	text := fmt.Sprintf("svc: %v\n", explained(err))
	if text != w.failed {
		fmt.Fprint(w.io.Err, text)
	}
	w.failed = text
}
