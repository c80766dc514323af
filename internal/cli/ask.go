package cli

import (
	"os"

	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/render"
	"github.com/svcgen/svc/internal/ui"
)

// ask asks for what was not given on the command line; given tells which flags were.
func (o *newOptions) ask(given func(flag string) bool, p ui.Prompter) (err error) {
	if o.name == "" {
		preset := "hello"
		if o.module != "" {
			preset = manifest.NameFromModule(o.module)
		}
		if o.name, err = p.Input("Name of the project:", preset, manifest.CheckName); err != nil {
			return err
		}
	}
	if o.module == "" {
		if o.module, err = p.Input("Go module path:", "example.com/"+o.name, manifest.CheckModule); err != nil {
			return err
		}
	}
	if len(o.protos) == 0 && o.descriptorSet == "" {
		proto, err := p.Input("A .proto file or a folder of them (empty for a starter contract):", "", checkProto)
		if err != nil {
			return err
		}
		if proto != "" {
			o.protos = []string{proto}
		}
	}
	if !given("registry") {
		if o.registry, err = p.Select("Registry:", manifest.Registries, o.registry); err != nil {
			return err
		}
	}
	if given("with") || given("without") {
		return nil
	}
	o.with, err = p.MultiSelect("Layers:", render.OptionalNames(o.layers), o.layerNames())
	o.without = nil
	for _, name := range render.OptionalNames(o.layers) {
		o.without = append(o.without, name)
	}
	o.without = minus(o.without, o.with)
	return err
}

func minus(all, some []string) []string {
	var rest []string
	for _, a := range all {
		keep := true
		for _, s := range some {
			keep = keep && a != s
		}
		if keep {
			rest = append(rest, a)
		}
	}
	return rest
}

func checkProto(name string) error {
	if name == "" {
		return nil
	}
	_, err := os.Stat(name)
	return err
}

// askApps asks how services become apps.
func (o *newOptions) askApps(p ui.Prompter, services []string) error {
	if len(services) < 2 {
		return nil
	}
	const one, each = "one app that serves all", "one app for each service"
	answer, err := p.Select("Services → apps:", []string{one, each}, one)
	o.appPerService = answer == each
	return err
}
