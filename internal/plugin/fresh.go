package plugin

import (
	"errors"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/manifest"
)

// newManifest is the manifest of a project that has none yet. What is wrong with it is said of the option that says it.
func (o options) newManifest(e *engine.Engine) (*manifest.Manifest, error) {
	if o.module == "" {
		return nil, errors.New("there is no svc.yaml, so option module=PATH is needed; the options are " + known)
	}
	layers, err := e.DefaultLayers(o.with, o.without)
	if err != nil {
		return nil, err
	}
	m := &manifest.Manifest{
		Name: o.name, Module: o.module, Registry: o.registry,
		Proto:  manifest.Proto{Roots: []string{"api"}},
		Layers: manifest.Refs(layers...),
	}
	if m.Name == "" {
		m.Name = manifest.NameFromModule(o.module)
	}
	for _, a := range o.apps {
		m.Apps = append(m.Apps, a.manifest())
	}
	if len(m.Apps) == 0 {
		m.Apps = []manifest.App{{Name: m.Name, Services: manifest.Refs(manifest.AllServices)}}
	}
	return m, o.check(m.Name)
}

func (a app) manifest() manifest.App {
	out := manifest.App{Name: a.name, Pos: option("app=" + a.name)}
	for _, s := range a.services {
		out.Services = append(out.Services, manifest.Ref{Name: s, Pos: option("app=" + a.name + "=" + s)})
	}
	if len(out.Services) == 0 {
		out.Services = manifest.Refs(manifest.AllServices)
	}
	return out
}

// option is where a finding is when there is no svc.yaml.
func option(name string) diag.Pos { return diag.Pos{File: "option " + name} }

// check holds the options to what svc.yaml may say. name is that of the project.
func (o options) check(name string) error {
	var found diag.Set
	say := func(option diag.Pos, err error) {
		if err != nil {
			found.At(option, "", "%v", err)
		}
	}
	badModule := manifest.CheckModule(o.module)
	say(option("module"), badModule)
	say(option("registry"), manifest.CheckRegistry(o.registry))
	badName := manifest.CheckName(name)
	switch {
	case o.name != "":
		say(option("name"), badName)
	case badModule == nil && badName != nil:
		found.At(option("name"), "", "it is needed, because the module gives none: %v", badName)
	}
	for _, a := range o.apps {
		say(option("app="+a.name), manifest.CheckName(a.name))
	}
	return found.Err()
}
