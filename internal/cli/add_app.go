package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/splice"
	"github.com/svcgen/svc/internal/ui"
)

type addAppOptions struct {
	name              string
	services, clients []string
}

func newAddApp(io *ui.IO, all *addOptions) *cobra.Command {
	var o addAppOptions
	c := &cobra.Command{
		Use:   "app NAME",
		Short: "Add an app to svc.yaml, and generate",
		Long: `Add an app, one more binary of the project, to svc.yaml, and generate.
Without --service it serves every service, unless another app does. The last part of a service's name is enough where it is clear.`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.name, err = oneArg(c, args); err != nil {
				return err
			}
			return all.run(c.Context(), io, func(a *addition) error { return o.decide(c.Context(), a) })
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.services, "service", nil, "a `service` that the app serves (repeatable; default all)")
	f.StringSliceVar(&o.clients, "client", nil, "a `service` that the app calls (repeatable)")
	return c
}

func (o addAppOptions) decide(ctx context.Context, a *addition) error {
	if err := manifest.CheckName(o.name); err != nil {
		return usageError{err}
	}
	if i := appIndex(a.manifest, o.name); i >= 0 {
		return finding(a.manifest.Apps[i].Pos, "choose another name", "there is an app %s already", o.name)
	}
	if err := a.load(ctx); err != nil {
		return err
	}
	fields, err := o.fields(a)
	if err != nil {
		return err
	}
	a.say("app %s to %s", o.name, a.shown(manifest.FileName))
	return a.append(splice.Path{"apps"}, "layers", splice.Mapping(fields...))
}

// fields are what svc.yaml says of the app.
func (o addAppOptions) fields(a *addition) ([]splice.Field, error) {
	declared := a.contract.Services()
	services, err := fullNames("--service", o.services, declared)
	if err != nil {
		return nil, err
	}
	clients, err := fullNames("--client", o.clients, declared)
	if err != nil {
		return nil, err
	}
	if slices.Contains(clients, manifest.AllServices) {
		return nil, usagef("--client takes no %s: name the services that the app calls", manifest.AllServices)
	}
	if len(services) == 0 {
		if i := appOfAll(a.manifest); i >= 0 {
			return nil, usagef("app %s serves every service already: name those of %s with --service: %s",
				a.manifest.Apps[i].Name, o.name, strings.Join(declared, ", "))
		}
		services = []string{manifest.AllServices}
	}
	fields := []splice.Field{{Key: "name", Text: o.name}, {Key: "services", List: services}}
	if len(clients) > 0 {
		fields = append(fields, splice.Field{Key: "clients", List: clients})
	}
	return fields, nil
}

// fullNames are the services that the values of a flag name, each once.
func fullNames(flag string, names, declared []string) ([]string, error) {
	var out []string
	for _, name := range names {
		full, err := fullName(strings.TrimSpace(name), declared)
		if err != nil {
			return nil, usagef("%s: %w", flag, err)
		}
		if !slices.Contains(out, full) {
			out = append(out, full)
		}
	}
	return out, nil
}

// appIndex is the place of an app in svc.yaml, or -1.
func appIndex(m *manifest.Manifest, name string) int {
	return slices.IndexFunc(m.Apps, func(a manifest.App) bool { return a.Name == name })
}

// appOfAll is the place of an app that serves every service, or -1.
func appOfAll(m *manifest.Manifest) int { return slices.IndexFunc(m.Apps, servesAll) }

func servesAll(a manifest.App) bool {
	return slices.ContainsFunc(a.Services, func(r manifest.Ref) bool { return r.Name == manifest.AllServices })
}

func appNames(m *manifest.Manifest) string {
	names := make([]string, len(m.Apps))
	for i, a := range m.Apps {
		names[i] = a.Name
	}
	return strings.Join(names, ", ")
}
