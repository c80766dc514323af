package cli

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/splice"
	"github.com/svcgen/svc/internal/ui"
)

type addServiceOptions struct {
	name string // with its package
	file string
	app  string
}

func newAddService(io *ui.IO, all *addOptions) *cobra.Command {
	var o addServiceOptions
	c := &cobra.Command{
		Use:   "service NAME",
		Short: "Add a service to the contract, and generate",
		Long: `Add a service with one rpc to the contract, in a .proto file of its own unless --file names one, and generate.
NAME is with its package, as shop.v1.Orders, unless the contract has but one package. The new file is where the package
leads to below the first import root in the project: api/shop/v1/orders.proto.`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.name, err = oneArg(c, args); err != nil {
				return err
			}
			return all.run(c.Context(), io, func(a *addition) error { return o.decide(c.Context(), a) })
		},
	}
	f := c.Flags()
	f.StringVar(&o.file, "file", "", "a `file` of the package to add it to, instead of a new one")
	f.StringVar(&o.app, "app", "", "the `app` that serves it (default the one that serves every service)")
	return c
}

func (o addServiceOptions) decide(ctx context.Context, a *addition) error {
	s, err := a.symbols(ctx)
	if err != nil {
		return err
	}
	full, err := o.fullName(s)
	if err != nil {
		return err
	}
	if err := o.serve(a, full); err != nil {
		return err
	}
	p, err := o.open(a, s, full)
	if err != nil {
		return err
	}
	service, err := o.service(p, full)
	if err != nil {
		return err
	}
	p.Service(service)
	a.added = slices.Insert(a.added, 0, "added service "+string(full)+" to "+a.shown(p.path))
	return a.take(p)
}

// fullName is the service's name with its package. It is free.
func (o addServiceOptions) fullName(s *symbols) (protoreflect.FullName, error) {
	for part := range strings.SplitSeq(o.name, ".") {
		if !identifier.MatchString(part) {
			return "", usagef("%q is not a name: use letters, digits and _, starting with a letter", o.name)
		}
	}
	full := o.name
	if !strings.Contains(full, ".") {
		packages := ownPackages(s)
		if len(packages) != 1 {
			return "", usagef("name the service with its package, one of %s: svc add service PACKAGE.%s", strings.Join(packages, ", "), o.name)
		}
		full = within(packages[0], full)
	}
	if s.packages[full] {
		return "", usagef("%s is a package: svc add service %s.NAME", full, full)
	}
	if d := s.find(full); d != nil {
		return "", finding(s.pos(d), "choose another name", "there is a %s already", full)
	}
	return protoreflect.FullName(full), nil
}

// ownPackages lists the packages of the contract.
func ownPackages(s *symbols) []string {
	var out []string
	for _, f := range s.own() {
		out = append(out, string(f.Package()))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// serve adds the service to its app, unless that or another one serves all.
func (o addServiceOptions) serve(a *addition, service protoreflect.FullName) error {
	if o.app == "" {
		if appOfAll(a.manifest) >= 0 {
			return nil
		}
		return usagef("no app would serve %s, for svc.yaml lists their services by name: say which does, with --app NAME: %s", service, appNames(a.manifest))
	}
	i := appIndex(a.manifest, o.app)
	if i < 0 {
		return usagef("--app: there is no app %q: %s", o.app, appNames(a.manifest))
	}
	if servesAll(a.manifest.Apps[i]) {
		return nil
	}
	a.say("it to the services of app %s in %s", o.app, a.shown(manifest.FileName))
	return a.append(splice.Path{"apps", i, "services"}, "name", splice.Text(string(service)))
}

// open opens the file that the service goes to.
func (o addServiceOptions) open(a *addition, s *symbols, service protoreflect.FullName) (*protoEdit, error) {
	if o.file == "" {
		return newProtoFile(a, s, service)
	}
	file, err := o.existing(a, s)
	if err != nil {
		return nil, err
	}
	if file.Package() != service.Parent() {
		return nil, finding(diag.Pos{File: a.contract.Paths[file.Path()]}, "name a file of package "+string(service.Parent())+", or none",
			"it is of package %s", file.Package())
	}
	return a.openProto(s, file)
}

// existing finds --file, which is named from the working folder, in the contract.
func (o addServiceOptions) existing(a *addition, s *symbols) (protoreflect.FileDescriptor, error) {
	abs, err := filepath.Abs(o.file)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range s.own() {
		shown := a.shown(a.contract.Paths[f.Path()])
		if at, err := filepath.Abs(filepath.FromSlash(shown)); err == nil && at == abs {
			return f, nil
		}
		paths = append(paths, shown)
	}
	return nil, usagef("--file: %s is not part of the contract: %s", o.file, strings.Join(paths, ", "))
}

// newProtoFile begins the file of a service.
func newProtoFile(a *addition, s *symbols, service protoreflect.FullName) (*protoEdit, error) {
	i := slices.IndexFunc(a.manifest.Proto.Roots, inside)
	if i < 0 {
		return nil, finding(diag.Pos{File: manifest.FileName}, "add the service where the contract is, then run svc generate",
			"no import root of proto.roots is in the project, outside of which svc writes nothing")
	}
	pkg := string(service.Parent())
	name := path.Join(strings.ReplaceAll(pkg, ".", "/"), snakeCase(string(service.Name()))+".proto")
	at := path.Join(a.manifest.Proto.Roots[i], name)
	if other, ok := a.contract.Paths[name]; ok || a.exists(at) {
		if !ok {
			other = at
		}
		return nil, finding(diag.Pos{File: other}, "add the service to a file that there is, with --file", "it is there already")
	}
	goPackage, like, err := a.siblings(s, service.Parent())
	if err != nil {
		return nil, err
	}
	proto, err := splice.NewProto(pkg, goPackage, like)
	return &protoEdit{Proto: proto, symbols: s, path: at, pkg: pkg, done: map[string]bool{}}, err
}

// siblings are the files of a package: their go_package, and one to look like. Without any, that is any file.
func (a *addition) siblings(s *symbols, pkg protoreflect.FullName) (goPackage string, like []byte, err error) {
	files := s.own()
	if same := slices.DeleteFunc(slices.Clone(files), func(f protoreflect.FileDescriptor) bool { return f.Package() != pkg }); len(same) > 0 {
		files = same
		for _, f := range slices.Backward(files) {
			if p := f.Options().(*descriptorpb.FileOptions).GetGoPackage(); p != "" {
				goPackage = p
			}
		}
	}
	if len(files) > 0 {
		like, err = a.read(a.contract.Paths[files[0].Path()])
	}
	return goPackage, like, err
}

// service is what is added, in the style of the starter contract.
func (o addServiceOptions) service(p *protoEdit, full protoreflect.FullName) (splice.Service, error) {
	name := string(full.Name())
	noun := strings.TrimSuffix(name, "Service")
	if noun == "" {
		noun = name
	}
	rpc, err := addRPCOptions{}.rpc(p, "Get"+noun, string(full))
	rpc.Doc = []string{rpc.Name + " answers one caller."}
	rpc.Options = []string{"idempotency_level = NO_SIDE_EFFECTS"}
	return splice.Service{
		Name: name,
		Doc:  []string{name + " is a service to start from: rename its rpc, change it, add others."},
		RPCs: []splice.RPC{rpc},
	}, err
}

// snakeCase writes OrderHTTPService as order_http_service.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && runes[i-1] != '_' {
			ends := i+1 < len(runes) && unicode.IsLower(runes[i+1]) // of an acronym
			if !unicode.IsUpper(runes[i-1]) || ends {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
