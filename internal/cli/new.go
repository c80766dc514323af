package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/render"
	"github.com/svcgen/svc/internal/ui"
	"github.com/svcgen/svc/templates"
)

type newOptions struct {
	name          string
	protos        []string
	protoRef      bool
	imports       []string
	descriptorSet string
	module        string
	dir           string
	registry      string
	with, without []string
	apps          []string
	appPerService bool
	noTidy        bool
	yes           bool

	layers []*render.Layer
}

// apiDir is where a project keeps its contract.
const apiDir = "api"

func newNew(io *ui.IO) *cobra.Command {
	var o newOptions
	c := &cobra.Command{
		Use:   "new [NAME]",
		Short: "Make a project from .proto files, or from a starter contract",
		Example: `  svc new shop
  svc new shop --proto protos/ --module github.com/acme/shop
  svc new shop --proto shop.proto --app web=shop.v1.Catalog,shop.v1.Cart --app pay=shop.v1.Payments`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("one name is wanted, not %d: %s", len(args), strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.name = args[0]
			}
			return newRun(c, io, o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.protos, "proto", nil, "a .proto `file` or a folder of them (repeatable); without one, a starter contract")
	f.BoolVar(&o.protoRef, "proto-ref", false, "refer to the .proto files where they are, instead of copying them to api/")
	f.StringArrayVarP(&o.imports, "import-root", "I", nil, "a `root` that imports are relative to (repeatable)")
	f.StringVar(&o.descriptorSet, "descriptor-set", "", "a FileDescriptorSet `file` instead of --proto")
	f.StringVar(&o.module, "module", "", "Go module `path` (default example.com/NAME)")
	f.StringVar(&o.dir, "dir", "", "`folder` to make the project in (default ./NAME)")
	f.StringVar(&o.registry, "registry", "etcd", "where apps register: "+strings.Join(manifest.Registries, " or "))
	f.StringSliceVar(&o.with, "with", nil, "`layers` to switch on")
	f.StringSliceVar(&o.without, "without", nil, "`layers` to switch off")
	f.StringArrayVar(&o.apps, "app", nil, "an app and what it serves: `NAME=SERVICE,…` (repeatable; default one app that serves all)")
	f.BoolVar(&o.appPerService, "app-per-service", false, "one app for each service")
	f.BoolVar(&o.noTidy, "no-tidy", false, "do not run go mod tidy")
	f.BoolVarP(&o.yes, "yes", "y", false, "ask nothing: flags and defaults decide")
	return c
}

func newRun(c *cobra.Command, io *ui.IO, o newOptions) error {
	ctx := c.Context()
	var err error
	if o.layers, err = render.Load(templates.FS); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if io.Prompter != nil && !o.yes {
		if err := o.ask(c.Flags().Changed, io.Prompter); err != nil {
			return err
		}
	}
	if err := o.complete(); err != nil {
		return err
	}
	s, err := o.scaffold(ctx)
	if err != nil {
		return err
	}
	if io.Prompter != nil && !o.yes && len(o.apps) == 0 && !o.appPerService {
		if err := o.askApps(io.Prompter, s.Contract.Services()); err != nil {
			return err
		}
	}
	if s.Manifest.Apps, err = o.appList(s.Contract.Services()); err != nil {
		return err
	}
	if !o.noTidy {
		s.Finish = func(ctx context.Context, dir string) error { return tidy(ctx, io, dir) }
	}
	result, err := newEngine(io).Create(ctx, s)
	if err != nil {
		return err
	}
	return o.report(io, result, s)
}

// complete fills in what follows from the rest.
func (o *newOptions) complete() error {
	if o.name == "" && o.module != "" {
		o.name = manifest.NameFromModule(o.module)
	}
	if o.name == "" {
		return usagef("a project needs a name: svc new NAME")
	}
	if o.module == "" {
		o.module = "example.com/" + o.name
	}
	if o.dir == "" {
		o.dir = o.name
	}
	return o.check()
}

// check refuses flags that exclude each other, and values that nothing can be made of.
// An empty name, module or folder is not known yet, and no mistake.
func (o *newOptions) check() error {
	switch {
	case len(o.protos) > 0 && o.descriptorSet != "":
		return usagef("--proto and --descriptor-set exclude each other")
	case len(o.apps) > 0 && o.appPerService:
		return usagef("--app and --app-per-service exclude each other")
	case o.protoRef && len(o.protos) == 0:
		return usagef("--proto-ref needs --proto")
	}
	_, err := render.Choose(o.layers, o.with, o.without)
	err = errors.Join(err, manifest.CheckRegistry(o.registry))
	if o.name != "" {
		err = errors.Join(manifest.CheckName(o.name), err)
	}
	if o.module != "" {
		err = errors.Join(manifest.CheckModule(o.module), err)
	}
	if err != nil {
		err = usageError{err}
	}
	return errors.Join(err, engine.CheckEmpty(o.dir))
}

// scaffold loads the contract and says what goes into the project.
func (o *newOptions) scaffold(ctx context.Context) (engine.Scaffold, error) {
	layers, err := render.Choose(o.layers, o.with, o.without)
	if err != nil {
		return engine.Scaffold{}, err
	}
	s := engine.Scaffold{Dir: o.dir, Manifest: &manifest.Manifest{
		Name: o.name, Module: o.module, Registry: o.registry, Layers: manifest.Refs(layers...),
		Proto: manifest.Proto{Roots: []string{apiDir}},
	}}
	switch {
	case o.descriptorSet != "":
		err = o.fromDescriptorSet(&s)
	case len(o.protos) > 0:
		err = o.fromProtos(ctx, &s)
	default:
		err = o.fromStarter(ctx, &s)
	}
	return s, err
}

func (o *newOptions) fromDescriptorSet(s *engine.Scaffold) (err error) {
	const name = apiDir + "/contract.binpb"
	if _, err := os.Stat(o.descriptorSet); err != nil {
		return usagef("--descriptor-set: %w", err)
	}
	if s.Contract, err = protoload.LoadDescriptorSet("", o.descriptorSet); err != nil {
		return err
	}
	content, err := os.ReadFile(o.descriptorSet)
	s.Manifest.Proto = manifest.Proto{DescriptorSet: name}
	s.Sources = map[string][]byte{name: content}
	return err
}

func (o *newOptions) fromProtos(ctx context.Context, s *engine.Scaffold) error {
	src, err := protoload.Sources(o.protos, o.imports)
	if err != nil {
		return usagef("--proto: %w", err)
	}
	if s.Contract, err = protoload.Load(ctx, src); err != nil {
		return err
	}
	if o.protoRef {
		s.Manifest.Proto.Roots, err = relativeTo(o.dir, src.Roots)
		return err
	}
	contents, err := src.Contents(ctx, s.Contract)
	s.Sources = map[string][]byte{}
	for name, content := range contents {
		s.Sources[path.Join(apiDir, name)] = content
	}
	return err
}

// relativeTo rewrites paths that are relative to the working folder so that they are relative to dir.
func relativeTo(dir string, roots []string) ([]string, error) {
	out := make([]string, len(roots))
	from, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for i, r := range roots {
		abs, err := filepath.Abs(filepath.FromSlash(r))
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(from, abs)
		if err != nil {
			return nil, usagef("--proto-ref: %w", err)
		}
		out[i] = filepath.ToSlash(rel)
	}
	return out, nil
}

func (o *newOptions) fromStarter(ctx context.Context, s *engine.Scaffold) (err error) {
	dir, err := os.MkdirTemp("", "svc-starter-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, diag.Left(dir, os.RemoveAll(dir))) }()
	name, content := starter(o.name)
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o644)); err != nil {
		return err
	}
	s.Sources = map[string][]byte{path.Join(apiDir, name): content}
	s.Contract, err = protoload.Load(ctx, protoload.Source{Dir: dir, Roots: []string{"."}})
	return err
}
