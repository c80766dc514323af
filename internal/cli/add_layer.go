package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/splice"
	"github.com/svcgen/svc/internal/ui"
)

func newAddLayer(io *ui.IO, o *addOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "layer NAME…",
		Short: "Switch layers on in svc.yaml, and generate",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the layers: svc add layer NAME…")
			}
			return o.run(c.Context(), io, func(a *addition) error { return addLayers(io, a, args) })
		},
	}
}

func addLayers(io *ui.IO, a *addition, names []string) error {
	if _, err := a.engine.DefaultLayers(names, nil); err != nil { // it knows which there are
		return usageError{err}
	}
	var missing []string
	var items []splice.Item
	for _, name := range names {
		i := slices.IndexFunc(a.manifest.Layers, func(r manifest.Ref) bool { return r.Name == name })
		switch {
		case i >= 0:
			pos := a.manifest.Layers[i].Pos
			pos.File = a.shown(pos.File)
			if _, err := fmt.Fprintf(io.Out, "layer %s is on already (%s)\n", name, pos); err != nil {
				return err
			}
		case !slices.Contains(missing, name):
			missing = append(missing, name)
			items = append(items, splice.Text(name))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	a.say("layer %s to %s", strings.Join(missing, ", "), a.shown(manifest.FileName))
	return a.append(splice.Path{"layers"}, "registry", items...)
}
