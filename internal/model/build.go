package model

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/tree"
)

// GoVersion is the language version of emitted projects.
const GoVersion = "1.26"

// Contract is a compiled contract that knows where its files are.
type Contract interface {
	Pos(file string, line, col int) diag.Pos
	// ThirdParty returns the sources of what the contract imports from others and does not hold, by import path.
	ThirdParty() map[string]string
}

type builder struct {
	manifest *manifest.Manifest
	contract Contract
	request  *pluginpb.CodeGeneratorRequest
	found    diag.Set

	packageNames map[string]string // Go package names by import path
}

// Build makes the model of a contract and a manifest. What is wrong with either is a diag.Set.
func Build(m *manifest.Manifest, request *pluginpb.CodeGeneratorRequest, contract Contract) (*Project, error) {
	b := &builder{manifest: m, contract: contract, request: request, packageNames: map[string]string{}}
	files := b.goFiles()
	if err := b.found.Err(); err != nil {
		return nil, err
	}
	p := b.project(files)
	b.thirdParty(p)
	plugin, err := b.plugin(p.Stubs)
	if err != nil {
		b.found.At(b.start(), "", "protoc-gen-go can't take the contract: %v", err)
		return nil, b.found.Err()
	}
	b.checkCollisions(plugin)
	p.Services = b.services(p, plugin)
	b.apps(p)
	b.calls(p)
	b.callings(p)
	return p, b.found.Err()
}

// start is where a finding about the contract as a whole is shown.
func (b *builder) start() diag.Pos {
	if len(b.request.FileToGenerate) == 0 {
		return diag.Pos{File: manifest.FileName}
	}
	return b.contract.Pos(b.request.FileToGenerate[0], 1, 1)
}

func (b *builder) project(files map[string]*goFile) *Project {
	p := &Project{
		Name:       b.manifest.Name,
		Module:     b.manifest.Module,
		Registry:   b.manifest.Registry,
		GoVersion:  GoVersion,
		ProtoRoots: localRoots(b.manifest.Proto.Roots),
		layers:     map[string]bool{},
	}
	for _, l := range b.manifest.Layers {
		p.layers[l.Name] = true
	}
	features := map[string]bool{}
	for _, f := range b.request.ProtoFile {
		g := files[f.GetName()]
		b.packageNames[g.pkg.Path] = g.pkg.Name
		p.Stubs = append(p.Stubs, Stub{File: f.GetName(), Package: g.pkg, Explicit: g.explicit || g.public})
		if !slices.Contains(b.request.FileToGenerate, f.GetName()) {
			features[g.pkg.Path] = true
		}
	}
	slices.SortFunc(p.Stubs, func(x, y Stub) int { return strings.Compare(x.File, y.File) })
	for f := range features {
		p.Features = append(p.Features, f)
	}
	slices.Sort(p.Features)
	return p
}

// thirdParty collects what the project has to hold for compilers other than svc.
func (b *builder) thirdParty(p *Project) {
	for file, source := range b.contract.ThirdParty() {
		p.ThirdParty = append(p.ThirdParty, ThirdParty{File: file, Source: source})
	}
	slices.SortFunc(p.ThirdParty, func(x, y ThirdParty) int { return strings.Compare(x.File, y.File) })
	for _, root := range b.manifest.Proto.Roots {
		if root = path.Clean(root); root == tree.ThirdPartyDir || strings.HasPrefix(root, tree.ThirdPartyDir+"/") {
			b.found.At(diag.Pos{File: manifest.FileName}, "move the contract", "proto.roots: %s is where svc puts files of its own", root)
		}
	}
}

// localRoots are the import roots when all lie in the project. buf takes no others, so that a project whose contract is
// elsewhere has nothing for buf.
func localRoots(roots []string) []string {
	for _, r := range roots {
		if first, _, _ := strings.Cut(path.Clean(r), "/"); first == ".." {
			return nil
		}
	}
	return roots
}

// plugin is the contract as protogen sees it under the mapping that goFiles decided.
func (b *builder) plugin(stubs []Stub) (*protogen.Plugin, error) {
	param := Parameter(stubs)
	return protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: b.request.FileToGenerate,
		ProtoFile:      b.request.ProtoFile,
		Parameter:      &param,
	})
}

func (b *builder) services(p *Project, plugin *protogen.Plugin) []*Service {
	var services []*Service
	stubs := map[string]Package{}
	for _, s := range p.Stubs {
		stubs[s.File] = s.Package
	}
	for _, f := range plugin.Files {
		if !f.Generate {
			continue
		}
		for _, s := range f.Services {
			services = append(services, b.service(p, f, s, stubs))
		}
	}
	slices.SortFunc(services, func(x, y *Service) int { return strings.Compare(x.FullName, y.FullName) })
	b.spread(services)
	if len(services) == 0 {
		b.found.At(b.start(), "declare one: service Greeter { rpc SayHello (HelloRequest) returns (HelloReply); }", "the contract declares no service")
	}
	return services
}

// spread gives services of one package distinct files, handler types and client packages: FooBar and Foo_Bar read
// alike in lower case, and NewFoo is what makes a Foo.
func (b *builder) spread(services []*Service) {
	files, types, clients := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range services {
		s.Handler.File = unused(files, s.Handler.Dir+"/", s.Handler.File)
		s.Client.Name = unused(clients, path.Dir(s.Client.Dir)+"/", s.Client.Name)
		s.Client.Dir = path.Join(path.Dir(s.Client.Dir), s.Client.Name)
		s.Client.Path = b.manifest.Module + "/" + s.Client.Dir
		s.Handler.Type = unusedType(types, s.Handler.Dir+"/", s.Handler.Type)
	}
}

// unusedType is unused for a name that comes with a constructor.
func unusedType(used map[string]bool, dir, name string) string {
	for base, i := name, 2; used[dir+name] || used[dir+"New"+name]; i++ {
		name = fmt.Sprint(base, i)
	}
	used[dir+name], used[dir+"New"+name] = true, true
	return name
}

func unused(used map[string]bool, dir, name string) string {
	for base, i := name, 2; used[dir+name]; i++ {
		name = fmt.Sprint(base, i)
	}
	used[dir+name] = true
	return name
}

func (b *builder) service(p *Project, f *protogen.File, s *protogen.Service, stubs map[string]Package) *Service {
	dir := packageDir(string(f.Desc.Package()), f.Desc.Path())
	svc := &Service{
		Project:    p,
		Name:       s.GoName,
		FullName:   string(s.Desc.FullName()),
		Doc:        docLines(string(s.Comments.Leading)),
		Deprecated: s.Desc.Options().(*descriptorpb.ServiceOptions).GetDeprecated(),
		Stub:       stubs[f.Desc.Path()],
		Pos:        b.pos(s.Desc),
	}
	svc.Handler = Handler{
		Package: b.inModule(path.Join("internal/service", dir), packageName(dir)),
		Type:    s.GoName,
		File:    fileStem(s.GoName),
	}
	client := strings.ToLower(strings.ReplaceAll(s.GoName, "_", "")) + "client"
	svc.Client = b.inModule(path.Join("pkg/client", dir, client), client)
	b.methods(svc, s)
	return svc
}

func (b *builder) inModule(dir, name string) Package {
	return Package{Path: b.manifest.Module + "/" + dir, Dir: dir, Name: name}
}

func (b *builder) methods(svc *Service, s *protogen.Service) {
	imports := newAliases()
	qualified := func(m *protogen.Message) string {
		importPath := string(m.GoIdent.GoImportPath)
		if importPath == svc.Stub.Path {
			return "pb." + m.GoIdent.GoName
		}
		return imports.add(importPath, b.goPackageName(m)) + "." + m.GoIdent.GoName
	}
	for _, m := range s.Methods {
		opts := m.Desc.Options().(*descriptorpb.MethodOptions)
		svc.Methods = append(svc.Methods, &Method{
			Service:    svc,
			Name:       m.GoName,
			ProtoName:  string(m.Desc.Name()),
			FullName:   string(m.Desc.FullName()),
			Kind:       methodKind(m),
			Input:      qualified(m.Input),
			Output:     qualified(m.Output),
			Doc:        docLines(string(m.Comments.Leading)),
			Idempotent: opts.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN,
			Deprecated: opts.GetDeprecated(),
			Shape:      methodKind(m) + " " + string(m.Input.Desc.FullName()) + " " + string(m.Output.Desc.FullName()),
			Required:   m.Input.Desc.RequiredNumbers().Len() > 0,
		})
	}
	svc.Imports = imports.sorted()
}

// goPackageName is the name of the Go package that declares m.
func (b *builder) goPackageName(m *protogen.Message) string {
	return b.packageNames[string(m.GoIdent.GoImportPath)]
}

func methodKind(m *protogen.Method) string {
	switch client, server := m.Desc.IsStreamingClient(), m.Desc.IsStreamingServer(); {
	case client && server:
		return BidiStream
	case client:
		return ClientStream
	case server:
		return ServerStream
	default:
		return Unary
	}
}
