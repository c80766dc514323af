package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/ui"
)

type generateOptions struct {
	dir    string
	check  bool
	dryRun bool
	diff   bool
	json   bool
}

func newGenerate(io *ui.IO) *cobra.Command {
	var o generateOptions
	c := &cobra.Command{
		Use:     "generate",
		Aliases: []string{"gen"},
		Short:   "Bring a project up to date with its contract and svc.yaml",
		Long: `Generate reads svc.yaml and the contract and brings the project up to date.
Files in gen/ are written anew; a file that you edited is never overwritten.
The project is the folder with svc.yaml: this one, or the nearest above it.

Exit codes: 0 done, 2 an error in the input, 3 --check found drift, 4 a file of yours is in the way.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return generateRun(c.Context(), io, o) },
	}
	f := c.Flags()
	f.StringVarP(&o.dir, "project", "C", ".", "the project's `folder`, or one below it")
	f.BoolVar(&o.check, "check", false, "write nothing; exit with 3 when something would be written")
	f.BoolVar(&o.dryRun, "dry-run", false, "write nothing; say what would be done")
	f.BoolVar(&o.diff, "diff", false, "write nothing; show what would be written")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return c
}

func generateRun(ctx context.Context, io *ui.IO, o generateOptions) error {
	err := o.run(ctx, io)
	if o.json && err != nil && !reported(err) {
		return printJSONError(io, err)
	}
	return err
}

func (o generateOptions) run(ctx context.Context, io *ui.IO) error {
	dry := o.check || o.dryRun || o.diff
	dir, err := engine.FindProject(o.dir)
	if err != nil {
		return err
	}
	result, err := newEngine(io).Generate(ctx, dir, dry)
	if err != nil {
		return locatedError(dir, err)
	}
	result.Warnings = located(dir, result.Warnings)
	if err := o.print(io, report{Result: result, dir: dir, dry: dry, check: o.check}); err != nil {
		return err
	}
	switch {
	case result.Plan.Conflicts():
		return errConflicts
	case o.check && result.Plan.Writes():
		return errDrift
	default:
		return nil
	}
}

func (o generateOptions) print(io *ui.IO, r report) error {
	switch {
	case o.json:
		return r.json(io.Out)
	case o.diff:
		return r.diff(io)
	default:
		return r.text(io)
	}
}
