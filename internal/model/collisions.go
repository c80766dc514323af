package model

import (
	"fmt"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"

	"github.com/svcgen/svc/internal/diag"
)

// scope is a set of Go names, each with the place in the contract that leads to it.
type scope struct {
	found *diag.Set
	where string // what the scope is, e.g. "Go package shopv1"
	names map[string]declared
	said  map[[2]diag.Pos]bool // places of the contract that collide and are reported
}

type declared struct {
	name, what string
	pos        diag.Pos
}

func (b *builder) newScope(where string) *scope {
	return &scope{found: &b.found, where: where, names: map[string]declared{}, said: map[[2]diag.Pos]bool{}}
}

// add takes a name, and reports whether it was free. Of two things that need several of the same names, one is reported.
func (s *scope) add(name, what string, pos diag.Pos) bool {
	return s.addKey(name, declared{name, what, pos})
}

func (s *scope) addKey(key string, d declared) bool {
	first, taken := s.names[key]
	if !taken {
		s.names[key] = d
		return true
	}
	if pair := [2]diag.Pos{first.pos, d.pos}; !s.said[pair] {
		s.said[pair] = true
		s.found.At(d.pos, "rename one of them", "%s and %s (%s) both need the name %s in %s", d.what, first.what, first.pos, d.name, s.where)
	}
	return false
}

// checkCollisions finds names of the contract for which protoc-gen-go or protoc-gen-go-grpc would emit Go code
// that does not compile. Both derive their names from protogen, so the rules here are theirs.
func (b *builder) checkCollisions(plugin *protogen.Plugin) {
	packages := map[protogen.GoImportPath]*scope{}
	files := b.newScope("a folder where case is ignored")
	for _, f := range plugin.Files {
		if !f.Generate {
			continue
		}
		b.addFile(files, f)
		s := packages[f.GoImportPath]
		if s == nil {
			s = b.newScope("Go package " + string(f.GoImportPath))
			packages[f.GoImportPath] = s
		}
		s.add(f.GoDescriptorIdent.GoName, "file "+f.Desc.Path(), b.pos(f.Desc))
		b.addTypes(s, f.Enums, f.Messages, f.Extensions)
		for _, svc := range f.Services {
			b.addService(s, f.GoImportPath, svc)
		}
	}
	b.addPublicImports(packages, plugin)
}

// addFile takes the files that a .proto becomes, and the Go package that they are in.
func (b *builder) addFile(s *scope, f *protogen.File) {
	what, pos := "file "+f.Desc.Path(), b.pos(f.Desc)
	dir := string(f.GoImportPath)
	fold := strings.ToLower(dir)
	if first, ok := s.names[fold]; ok && first.name != dir {
		s.addKey(fold, declared{dir, what, pos})
	} else {
		s.names[fold] = declared{dir, what, pos}
	}
	stem := strings.TrimSuffix(path.Base(f.Desc.Path()), ".proto")
	suffixes := []string{".pb.go"}
	if len(f.Services) > 0 {
		suffixes = append(suffixes, "_grpc.pb.go")
	}
	if f.APILevel == gofeaturespb.GoFeatures_API_HYBRID {
		suffixes = append(suffixes, "_protoopaque.pb.go")
	}
	for _, suffix := range suffixes {
		name := dir + "/" + stem + suffix
		s.addKey(strings.ToLower(name), declared{name, what, pos})
	}
}

func (b *builder) addTypes(s *scope, enums []*protogen.Enum, messages []*protogen.Message, extensions []*protogen.Extension) {
	for _, e := range enums {
		b.addEnum(s, e)
	}
	for _, m := range messages {
		if !m.Desc.IsMapEntry() {
			b.addMessage(s, m)
			b.addTypes(s, m.Enums, m.Messages, m.Extensions)
		}
	}
	for _, x := range extensions {
		s.add("E_"+x.GoIdent.GoName, "extension "+string(x.Desc.FullName()), b.pos(x.Desc))
	}
}

func (b *builder) addMessage(s *scope, m *protogen.Message) {
	what, pos := "message "+string(m.Desc.FullName()), b.pos(m.Desc)
	s.add(m.GoIdent.GoName, what, pos)
	open := m.APILevel == gofeaturespb.GoFeatures_API_OPEN
	if !open {
		s.add(m.GoIdent.GoName+"_builder", what, pos)
	}
	for _, o := range m.Oneofs {
		if o.Desc.IsSynthetic() {
			continue
		}
		what, pos := "oneof "+string(o.Desc.FullName()), b.pos(o.Desc)
		s.add("is"+o.GoIdent.GoName, what, pos)
		if !open {
			s.add(m.GoIdent.GoName+"_"+o.GoName+"_not_set_case", what, pos)
		}
		b.checkField(o.GoName, what, pos)
	}
	for _, f := range m.Fields {
		b.addField(s, m, f)
	}
}

func (b *builder) addField(s *scope, m *protogen.Message, f *protogen.Field) {
	what, pos := "field "+string(f.Desc.FullName()), b.pos(f.Desc)
	b.checkField(f.GoName, what, pos)
	if f.Desc.HasDefault() {
		s.add("Default_"+m.GoIdent.GoName+"_"+f.GoName, what, pos)
	}
	if f.Oneof != nil && !f.Oneof.Desc.IsSynthetic() {
		s.add(f.GoIdent.GoName, what, pos)
		if m.APILevel != gofeaturespb.GoFeatures_API_OPEN {
			s.add(m.GoIdent.GoName+"_"+f.GoName+"_case", what, pos)
		}
	}
	if f.Enum != nil {
		b.checkShadow(m.GoIdent.GoImportPath, f.Enum.GoIdent, what, pos)
	}
}

// checkField refuses the one method of a message that protogen doesn't keep fields from.
func (b *builder) checkField(goName, what string, pos diag.Pos) {
	if goName == "ProtoReflect" {
		b.found.At(pos, "rename it", "%s would be a field called like the method %s that protoc-gen-go gives every message", what, goName)
	}
}

// checkShadow refuses a use of a Go package that the stub plugins would take for a variable of theirs. It has an import
// path of the contract's own: svc would not choose it.
func (b *builder) checkShadow(from protogen.GoImportPath, used protogen.GoIdent, what string, pos diag.Pos) {
	if base := path.Base(string(used.GoImportPath)); used.GoImportPath != from && slices.Contains(shadowed, base) {
		b.found.At(pos, "choose another last element for that go_package", "%s needs Go package %s, but the stubs have variables called %s", what, string(used.GoImportPath), base)
	}
}

func (b *builder) addEnum(s *scope, e *protogen.Enum) {
	what, pos := "enum "+string(e.Desc.FullName()), b.pos(e.Desc)
	for _, suffix := range []string{"", "_name", "_value"} {
		s.add(e.GoIdent.GoName+suffix, what, pos)
	}
	for _, v := range e.Values {
		what, pos := "enum value "+string(v.Desc.FullName()), b.pos(v.Desc)
		s.add(v.GoIdent.GoName, what, pos)
		if alias := v.PrefixedAlias.GoName; alias != "" && alias != v.GoIdent.GoName {
			s.add(alias, what, pos)
		}
	}
}

func (b *builder) addService(s *scope, from protogen.GoImportPath, svc *protogen.Service) {
	what, pos := "service "+string(svc.Desc.FullName()), b.pos(svc.Desc)
	n := svc.GoName
	free := true
	for _, name := range []string{
		n + "Client", strings.ToLower(n[:1]) + n[1:] + "Client", "New" + n + "Client", n + "Server", "Unimplemented" + n + "Server",
		"Unsafe" + n + "Server", "Register" + n + "Server", n + "_ServiceDesc",
	} {
		free = s.add(name, what, pos) && free
	}
	if !free {
		return // its methods would only repeat the finding
	}
	methods := b.newScope("the Go interfaces of " + what)
	for _, m := range svc.Methods {
		what, pos := "rpc "+string(m.Desc.Name()), b.pos(m.Desc)
		if !methods.add(m.GoName, what, pos) {
			continue // its stream types would only repeat the finding
		}
		b.checkMethod(from, svc, m, what, pos)
		s.add(n+"_"+m.GoName+"_FullMethodName", what, pos)
		if m.Desc.IsStreamingClient() || m.Desc.IsStreamingServer() {
			s.add(n+"_"+m.GoName+"Client", what, pos)
			s.add(n+"_"+m.GoName+"Server", what, pos)
		}
	}
}

func (b *builder) checkMethod(from protogen.GoImportPath, svc *protogen.Service, m *protogen.Method, what string, pos diag.Pos) {
	if embedded := "Unimplemented" + svc.GoName + "Server"; m.GoName == embedded {
		b.found.At(pos, "rename it", "%s is called like the type %s that every implementation embeds", what, embedded)
	}
	b.checkShadow(from, m.Input.GoIdent, what, pos)
	b.checkShadow(from, m.Output.GoIdent, what, pos)
}

// addPublicImports takes the names that protoc-gen-go declares again for what a file imports publicly.
// They come last: a collision is a fault of the import.
func (b *builder) addPublicImports(packages map[protogen.GoImportPath]*scope, plugin *protogen.Plugin) {
	for _, f := range plugin.Files {
		imports := f.Desc.Imports()
		for i := range imports.Len() {
			imported := plugin.FilesByPath[imports.Get(i).Path()]
			if f.Generate && imports.Get(i).IsPublic && imported.GoImportPath != f.GoImportPath {
				b.addPublicImport(packages[f.GoImportPath], imported, b.importPos(f, i))
			}
		}
	}
}

func (b *builder) addPublicImport(s *scope, imported *protogen.File, pos diag.Pos) {
	declared := b.newScope("")
	b.addTypes(declared, imported.Enums, imported.Messages, imported.Extensions)
	for _, name := range slices.Sorted(maps.Keys(declared.names)) {
		what := fmt.Sprintf("%s of import public %q", declared.names[name].what, imported.Desc.Path())
		if token.IsExported(name) && !s.add(name, what, pos) {
			return
		}
	}
}

// importPos is where a file imports its i-th import.
func (b *builder) importPos(f *protogen.File, i int) diag.Pos {
	const dependency = 3 // field number of FileDescriptorProto.dependency
	loc := f.Desc.SourceLocations().ByPath(protoreflect.SourcePath{dependency, int32(i)})
	if loc.Path == nil {
		return b.contract.Pos(f.Desc.Path(), 1, 1)
	}
	return b.contract.Pos(f.Desc.Path(), loc.StartLine+1, loc.StartColumn+1)
}

// pos is where a descriptor stands in the contract.
func (b *builder) pos(d protoreflect.Descriptor) diag.Pos {
	file := d.ParentFile()
	loc := file.SourceLocations().ByDescriptor(d)
	if _, isFile := d.(protoreflect.FileDescriptor); isFile || loc.Path == nil {
		return b.contract.Pos(file.Path(), 1, 1)
	}
	return b.contract.Pos(file.Path(), loc.StartLine+1, loc.StartColumn+1)
}
