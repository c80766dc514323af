package cli

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/protoload"
)

// symbols knows what a contract declares, and what is built in.
type symbols struct {
	contract *protoload.Contract
	files    *protoregistry.Files
	packages map[string]bool // and what they are in
}

// symbols loads a contract that svc can edit.
func (a *addition) symbols(ctx context.Context) (*symbols, error) {
	if err := a.checkEditable(); err != nil {
		return nil, err
	}
	if err := a.load(ctx); err != nil {
		return nil, err
	}
	return newSymbols(a.contract)
}

func newSymbols(c *protoload.Contract) (*symbols, error) {
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: c.Request.ProtoFile})
	if err != nil {
		return nil, err
	}
	s := &symbols{contract: c, files: files, packages: map[string]bool{}}
	note := func(f protoreflect.FileDescriptor) bool {
		for pkg := f.Package(); pkg != ""; pkg = pkg.Parent() {
			s.packages[string(pkg)] = true
		}
		return true
	}
	files.RangeFiles(note)
	rangeBuiltin(note)
	return s, nil
}

func rangeBuiltin(visit func(protoreflect.FileDescriptor) bool) {
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		return !protoload.Builtin(f.Path()) || visit(f)
	})
}

// own lists the files of the contract that are not built in, by import path.
func (s *symbols) own() []protoreflect.FileDescriptor {
	var out []protoreflect.FileDescriptor
	for _, name := range s.contract.Request.FileToGenerate {
		if f, err := s.files.FindFileByPath(name); err == nil {
			out = append(out, f)
		}
	}
	return out
}

// find returns what has a full name, or nil.
func (s *symbols) find(name string) protoreflect.Descriptor {
	if d, err := s.files.FindDescriptorByName(protoreflect.FullName(name)); err == nil {
		return d
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil || !protoload.Builtin(d.ParentFile().Path()) {
		return nil
	}
	return d
}

// pos is where something is declared.
func (s *symbols) pos(d protoreflect.Descriptor) diag.Pos {
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	return s.contract.Pos(d.ParentFile().Path(), at.StartLine+1, at.StartColumn+1)
}

// resolve finds what a type's name means in a scope, as compilers do: of its first part the innermost declaration
// counts, and the rest has to be in that. It returns nil when there is nothing.
// https://protobuf.dev/programming-guides/proto3/#name-resolution
func (s *symbols) resolve(name, scope string) protoreflect.Descriptor {
	if absolute, ok := strings.CutPrefix(name, "."); ok {
		return s.find(absolute)
	}
	first, _, nested := strings.Cut(name, ".")
	for {
		d := s.find(within(scope, first))
		switch {
		case nested && (s.packages[within(scope, first)] || isScope(d)):
			return s.find(within(scope, name))
		case !nested && isType(d):
			return d
		case scope == "":
			return nil
		}
		scope = string(protoreflect.FullName(scope).Parent())
	}
}

func within(scope, name string) string {
	if scope == "" {
		return name
	}
	return scope + "." + name
}

func isScope(d protoreflect.Descriptor) bool {
	_, service := d.(protoreflect.ServiceDescriptor)
	return service || isType(d)
}

func isType(d protoreflect.Descriptor) bool {
	switch d.(type) {
	case protoreflect.MessageDescriptor, protoreflect.EnumDescriptor:
		return true
	}
	return false
}

// reference is the shortest way to name a message of which compilers find the right one in a scope: without the package
// when it is that of the scope, else in full.
func (s *symbols) reference(d protoreflect.Descriptor, pkg, scope string) string {
	full := string(d.FullName())
	names := []string{full, "." + full}
	if short, ok := strings.CutPrefix(full, pkg+"."); ok && pkg != "" {
		names = slices.Insert(names, 0, short)
	}
	for _, name := range names {
		if found := s.resolve(name, scope); found != nil && found.FullName() == d.FullName() {
			return name
		}
	}
	return "." + full
}

// alike lists the messages whose full names end like a name.
func (s *symbols) alike(name string) []string {
	last := name[strings.LastIndexByte(name, '.')+1:]
	var out []string
	note := func(f protoreflect.FileDescriptor) bool {
		for i := range f.Messages().Len() {
			if m := f.Messages().Get(i); strings.EqualFold(string(m.Name()), last) && !slices.Contains(out, string(m.FullName())) {
				out = append(out, string(m.FullName()))
			}
		}
		return true
	}
	s.files.RangeFiles(note)
	rangeBuiltin(note)
	slices.Sort(out)
	return out
}

// visible reports whether a file can name what is in another without one more import.
func visible(from protoreflect.FileDescriptor, path string) bool {
	if from.Path() == path {
		return true
	}
	imports := from.Imports()
	for i := range imports.Len() {
		if f := imports.Get(i); f.Path() == path || makesPublic(f, path) {
			return true
		}
	}
	return false
}

// makesPublic reports whether who imports a file has another along with it. Imports have no cycles.
func makesPublic(f protoreflect.FileDescriptor, path string) bool {
	imports := f.Imports()
	for i := range imports.Len() {
		if next := imports.Get(i); next.IsPublic && (next.Path() == path || makesPublic(next, path)) {
			return true
		}
	}
	return false
}
