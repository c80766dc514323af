package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

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
	root.AddCommand(newNew(io), newGenerate(io), newAdd(io), newResolve(io), newWatch(io), newSchema(io), newVersion(io))
	root.SetHelpCommand(newHelp(root))
	return root
}

func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q\nrun svc --help", strings.Join(args, " "))
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// checkArgs makes what is wrong with the arguments of a command, or of one below it, a usage error.
func checkArgs(c *cobra.Command) {
	c.Args = usageArgs(c.Args)
	c.SuggestionsMinimumDistance = 2
	if !c.Runnable() {
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range c.Commands() {
		checkArgs(sub)
	}
}

// usageArgs makes what is wrong with arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		err := check(c, args)
		if err == nil {
			return nil
		}
		if len(args) == 0 {
			return usagef("%w\nrun %s --help", err, c.CommandPath())
		}
		if meant := c.SuggestionsFor(args[0]); len(meant) > 0 {
			return usagef("%w; did you mean %s?", err, strings.Join(meant, " or "))
		}
		return usagef("%w\nrun %s --help", err, c.CommandPath())
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
