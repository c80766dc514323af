package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/ui"
	"github.com/svcgen/svc/templates"
)

func newRoot(io *ui.IO) *cobra.Command {
	root := &cobra.Command{
		Use:           "svc",
		Short:         "Go services from .proto files, kept up to date without losing a line of yours",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w\nrun %s --help", err, c.CommandPath())
	})
	root.AddCommand(newNew(io), newGenerate(io), newSchema(io), newVersion(io))
	for _, c := range append(root.Commands(), root) {
		c.Args = usageArgs(c.Args)
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return root
}

// usageArgs makes what is wrong with arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(c, args); err != nil {
			return usagef("%w\nrun %s --help", err, c.CommandPath())
		}
		return nil
	}
}

func newEngine(io *ui.IO) *engine.Engine {
	return &engine.Engine{Layers: templates.FS, Progress: io.Progress}
}

func newVersion(io *ui.IO) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of svc",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(io.Out, "svc %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// version is that of the module that svc was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func newSchema(io *ui.IO) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of svc.yaml",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.Out.Write(manifest.Schema)
			return err
		},
	}
}
