package model

import (
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/svcgen/svc/internal/diag"
)

// scope is a set of Go names, each with the place in the contract that leads to it.
type scope struct {
	found *diag.Set
	where string // what the scope is, e.g. "Go package shopv1"
	names map[string]declared
}

type declared struct {
	what string
	pos  diag.Pos
}

func (s *scope) add(name, what string, pos diag.Pos) {
	first, ok := s.names[name]
	if !ok {
		s.names[name] = declared{what, pos}
		return
	}
	s.found.At(pos, "rename one of them", "%s and %s (%s) both need the name %s in %s", what, first.what, first.pos, name, s.where)
}

// checkCollisions finds names of the contract for which protoc-gen-go or protoc-gen-go-grpc would emit Go code
// that does not compile. Both derive their names from protogen, so the rules here are theirs.
func (b *builder) checkCollisions(plugin *protogen.Plugin) {
	packages := map[protogen.GoImportPath]*scope{}
	for _, f := range plugin.Files {
		if !f.Generate {
			continue
		}
		b.checkFileName(f)
		s := packages[f.GoImportPath]
		if s == nil {
			s = &scope{found: &b.found, where: "Go package " + string(f.GoImportPath), names: map[string]declared{}}
			packages[f.GoImportPath] = s
		}
		s.add(f.GoDescriptorIdent.GoName, "file "+f.Desc.Path(), b.pos(f.Desc))
		b.addTypes(s, f.Enums, f.Messages, f.Extensions)
		for _, svc := range f.Services {
			b.addService(s, svc)
		}
	}
}

// checkFileName refuses x_windows.proto: Go would build x_windows.pb.go on Windows only.
func (b *builder) checkFileName(f *protogen.File) {
	stem := strings.TrimSuffix(path.Base(f.Desc.Path()), ".proto")
	stem, _, _ = strings.Cut(stem, ".")
	if constrained(stem) && !strings.HasSuffix(stem, "_test") {
		b.found.At(b.pos(f.Desc), "rename the file", "protoc-gen-go would emit %s.pb.go, which Go leaves out on most systems because of its ending", stem)
	}
}

func (b *builder) addTypes(s *scope, enums []*protogen.Enum, messages []*protogen.Message, extensions []*protogen.Extension) {
	for _, e := range enums {
		b.addEnum(s, e)
	}
	for _, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		s.add(m.GoIdent.GoName, "message "+string(m.Desc.FullName()), b.pos(m.Desc))
		for _, f := range m.Fields {
			if f.Oneof != nil && !f.Oneof.Desc.IsSynthetic() {
				s.add(f.GoIdent.GoName, "field "+string(f.Desc.FullName()), b.pos(f.Desc))
			}
		}
		b.addTypes(s, m.Enums, m.Messages, m.Extensions)
	}
	for _, x := range extensions {
		s.add("E_"+x.GoIdent.GoName, "extension "+string(x.Desc.FullName()), b.pos(x.Desc))
	}
}

func (b *builder) addEnum(s *scope, e *protogen.Enum) {
	what, pos := "enum "+string(e.Desc.FullName()), b.pos(e.Desc)
	for _, suffix := range []string{"", "_name", "_value"} {
		s.add(e.GoIdent.GoName+suffix, what, pos)
	}
	for _, v := range e.Values {
		s.add(v.GoIdent.GoName, "enum value "+string(v.Desc.FullName()), b.pos(v.Desc))
	}
}

func (b *builder) addService(s *scope, svc *protogen.Service) {
	what, pos := "service "+string(svc.Desc.FullName()), b.pos(svc.Desc)
	n := svc.GoName
	for _, name := range []string{n + "Client", "New" + n + "Client", n + "Server", "Unimplemented" + n + "Server", "Unsafe" + n + "Server", "Register" + n + "Server", n + "_ServiceDesc"} {
		s.add(name, what, pos)
	}
	methods := &scope{found: &b.found, where: "the Go interfaces of " + what, names: map[string]declared{}}
	for _, m := range svc.Methods {
		what, pos := "rpc "+string(m.Desc.Name()), b.pos(m.Desc)
		methods.add(m.GoName, what, pos)
		if other := methods.names[m.GoName]; other.pos != pos {
			continue // named already; its stream types would only repeat the finding
		}
		s.add(n+"_"+m.GoName+"_FullMethodName", what, pos)
		if m.Desc.IsStreamingClient() || m.Desc.IsStreamingServer() {
			s.add(n+"_"+m.GoName+"Client", what, pos)
			s.add(n+"_"+m.GoName+"Server", what, pos)
		}
	}
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
