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

	onConflict string
}

func newGenerate(io *ui.IO) *cobra.Command {
	var o generateOptions
	c := &cobra.Command{
		Use:     "generate",
		Aliases: []string{"gen"},
		Short:   "Bring a project up to date with its contract and svc.yaml",
		Long: `Generate reads svc.yaml and the contract and brings the project up to date.
Files in gen/ are written anew; what you edited elsewhere is merged, and nothing of yours is overwritten.
Where you and svc changed the same lines, your file stays as it is; svc resolve ends such a conflict.
The project is the folder with svc.yaml: this one, or the nearest above it.

Exit codes: 0 done, 2 an error in the input, 3 --check found files that are not as they are to be, 4 a conflict is left for you.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return generateRun(c.Context(), io, o) },
	}
	f := c.Flags()
	f.StringVarP(&o.dir, "project", "C", ".", "the project's `folder`, or one below it")
	f.BoolVar(&o.check, "check", false, "write nothing; name what is stale, missing, orphaned, edited or unresolved, and exit with 3 or 4")
	f.BoolVar(&o.dryRun, "dry-run", false, "write nothing; say what would be done")
	f.BoolVar(&o.diff, "diff", false, "write nothing; show what would be written")
	f.StringVar(&o.onConflict, "on-conflict", "keep", "what becomes of a file that has conflicts: `keep|markers`, it stays as it is, or git's markers are put into it; handlers, which svc reads by their declarations, always stay")
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
	if o.onConflict != "keep" && o.onConflict != "markers" {
		return usagef("--on-conflict is keep or markers, not %q", o.onConflict)
	}
	dir, err := engine.FindProject(o.dir)
	if err != nil {
		return err
	}
	result, err := newEngine(io).Generate(ctx, dir, engine.Options{Dry: dry, Markers: o.onConflict == "markers"})
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
	case o.check && (result.Plan.Drift() || result.Record()):
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
