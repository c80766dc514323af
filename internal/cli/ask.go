package cli

import (
	"os"
	"slices"

	"github.com/svcgen/svc/internal/engine"
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
		if o.name, err = p.Input("Name of the project:", preset, o.checkName); err != nil {
			return err
		}
	}
	if o.module == "" {
		if o.module, err = p.Input("Go module path:", "example.com/"+o.name, manifest.CheckModule); err != nil {
			return err
		}
	}
	if len(o.protos) == 0 && o.descriptorSet == "" {
		if err := o.askProto(p); err != nil {
			return err
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
	return o.askLayers(p)
}

func (o *newOptions) askProto(p ui.Prompter) error {
	proto, err := p.Input("A .proto file or a folder of them (empty for a starter contract):", "", checkProto)
	if err == nil && proto != "" {
		o.protos = []string{proto}
	}
	return err
}

func (o *newOptions) askLayers(p ui.Prompter) error {
	known := render.OptionalNames(o.layers)
	on, err := render.Choose(o.layers, nil, nil)
	if err != nil {
		return err
	}
	if o.with, err = p.MultiSelect("Layers:", known, on); err != nil {
		return err
	}
	o.without = slices.DeleteFunc(known, func(name string) bool { return slices.Contains(o.with, name) })
	return nil
}

// checkName refuses a name, or the folder that it leads to, while another can still be given.
func (o *newOptions) checkName(name string) error {
	if err := manifest.CheckName(name); err != nil || o.dir != "" {
		return err
	}
	return engine.CheckEmpty(name)
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
