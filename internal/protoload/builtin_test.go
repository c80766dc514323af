package protoload

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestBuiltinSources holds the sources that projects are given to the descriptors that svc itself compiles with: every
// file has both, and they say the same. .ci/builtin fetches sources anew.
func TestBuiltinSources(t *testing.T) {
	for _, name := range thirdPartyFiles() {
		desc, err := protoregistry.GlobalFiles.FindFileByPath(name)
		if err != nil {
			t.Errorf("%s has a source, but no Go package of it is linked: %v", name, err)
			continue
		}
		if got, want := compileBuiltin(t, name), reread(t, protodesc.ToFileDescriptorProto(desc)); !proto.Equal(got, want) {
			t.Errorf("the source of %s is not what its Go package was made of", name)
		}
	}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for _, dir := range []string{"google/api/", "google/rpc/", "google/type/", "buf/validate/"} {
			if strings.HasPrefix(f.Path(), dir) && !thirdParty(f.Path()) {
				t.Errorf("the Go package of %s is linked, but there is no source of it", f.Path())
			}
		}
		return true
	})
}

func thirdPartyFiles() []string {
	return slices.DeleteFunc(builtinFiles(), func(name string) bool { return !thirdParty(name) })
}

// compileBuiltin compiles the source of a file, and of what it imports.
func compileBuiltin(t *testing.T, name string) *descriptorpb.FileDescriptorProto {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.ResolverFunc(
		func(name string) (protocompile.SearchResult, error) {
			content, err := builtinSources.ReadFile(builtinDir + name)
			return protocompile.SearchResult{Source: strings.NewReader(string(content))}, err
		}))}
	files, err := compiler.Compile(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return reread(t, protodesc.ToFileDescriptorProto(files[0]))
}

// reread has the options of a file be of the Go types that are linked, whoever has set them.
func reread(t *testing.T, f *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	t.Helper()
	content, err := proto.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	out := &descriptorpb.FileDescriptorProto{}
	if err := proto.Unmarshal(content, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBuiltin(t *testing.T) {
	tests := map[string]bool{
		"google/protobuf/empty.proto": true, "google/type/date.proto": true, "buf/validate/validate.proto": true,
		"google/protobuf/absent.proto": false, "google/type/absent.proto": false, "google/type": false, "": false, "empty.proto": false,
		"google/type/../type/date.proto": false, "../load.go": false, "/google/type/date.proto": false, "google\\type\\date.proto": false,
	}
	for name, want := range tests {
		if got := Builtin(name); got != want {
			t.Errorf("Builtin(%q) is %t", name, got)
		}
	}
}

const annotated = "syntax = \"proto3\";\npackage a;\nimport \"google/api/annotations.proto\";\nimport \"google/protobuf/empty.proto\";\n" +
	"service S { rpc Get (google.protobuf.Empty) returns (google.protobuf.Empty) { option (google.api.http) = { get: \"/\" }; } }\n"

func TestThirdParty(t *testing.T) {
	copied := "syntax = \"proto3\";\npackage google.api;\nimport \"google/api/http.proto\";\nimport \"google/protobuf/descriptor.proto\";\n" +
		"extend google.protobuf.MethodOptions { HttpRule http = 72295728; }\n"
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"nothing of that kind": {map[string]string{"api/a.proto": greeter}, nil},
		"the well-known types": {
			map[string]string{"api/a.proto": "syntax = \"proto3\";\nimport \"google/protobuf/empty.proto\";\n"}, nil,
		},
		"directly, and through another": {
			map[string]string{"api/a.proto": annotated}, []string{"google/api/annotations.proto", "google/api/http.proto"},
		},
		"through a file of the contract": {
			map[string]string{"api/b.proto": "syntax = \"proto3\";\nimport \"google/type/date.proto\";\n", "api/a.proto": "syntax = \"proto3\";\nimport \"b.proto\";\n"},
			[]string{"google/type/date.proto"},
		},
		"a copy in the contract": {
			map[string]string{"api/a.proto": annotated, "api/google/api/annotations.proto": copied}, []string{"google/api/http.proto"},
		},
		"a copy that nobody imports": {
			map[string]string{"api/a.proto": greeter, "api/google/api/annotations.proto": copied}, []string{"google/api/http.proto"},
		},
		"copies of all": {
			map[string]string{"api/a.proto": annotated, "api/google/api/annotations.proto": copied, "api/google/api/http.proto": "syntax = \"proto3\";\npackage google.api;\nmessage HttpRule { string get = 2; }\n"}, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Load(t.Context(), Source{Dir: write(t, tt.files), Roots: []string{"api"}})
			if err != nil {
				t.Fatal(err)
			}
			checkThirdParty(t, c, tt.want)
		})
	}
}

func checkThirdParty(t *testing.T, c *Contract, want []string) {
	t.Helper()
	got := c.ThirdParty()
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for name, source := range got {
		if !strings.Contains(source, "\nsyntax = \"proto") || !strings.HasSuffix(source, "}\n") {
			t.Errorf("%s is %q", name, source)
		}
	}
}

// TestThirdPartyOfSet takes a descriptor set at its imports: whether it has these files, and what it says of them, is
// nothing that the sources depend on.
func TestThirdPartyOfSet(t *testing.T) {
	dir := write(t, map[string]string{"api/a.proto": annotated, "api/b.proto": "syntax = \"proto3\";\n"})
	c, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*descriptorpb.FileDescriptorProto{}
	for _, f := range c.Request.ProtoFile {
		byName[f.GetName()] = f
	}
	byName["b.proto"].OptionDependency = []string{"google/api/visibility.proto"} // edition 2024; protoc leaves such files out
	content, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: c.Request.ProtoFile})
	if err != nil {
		t.Fatal(err)
	}
	set, err := LoadDescriptorSet(write(t, map[string]string{"set.binpb": string(content)}), "set.binpb")
	if err != nil {
		t.Fatal(err)
	}
	checkThirdParty(t, set, []string{"google/api/annotations.proto", "google/api/http.proto", "google/api/visibility.proto"})
}

// TestBelow checks that a project that is its own import root does not take what svc has put there for its contract.
func TestBelow(t *testing.T) {
	dir := write(t, map[string]string{
		"a.proto": "", "gen/b.proto": "", "gen/third_party/google/type/date.proto": "", "api/gen/third_party/c.proto": "",
	})
	for root, want := range map[string][]string{
		".":     {"a.proto", "api/gen/third_party/c.proto", "gen/b.proto"},
		"./gen": {"b.proto"},
		"api":   {"gen/third_party/c.proto"},
	} {
		got, err := Below(dir, root)
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", root, got, err, want)
		}
	}
	if _, err := Below(dir, "absent"); err == nil {
		t.Error("a root that is not there is none")
	}
}

// TestContents checks which copies of built-in files come along with a contract that is copied: those that it was
// compiled with, so that it compiles again.
func TestContents(t *testing.T) {
	dir := write(t, map[string]string{
		"api/a.proto":                     "syntax = \"proto3\";\npackage a;\nimport \"google/type/date.proto\";\nimport \"google/protobuf/empty.proto\";\nmessage M { google.type.Date d = 1; google.type.Extra e = 2; }\n",
		"api/google/type/date.proto":      "syntax = \"proto3\";\npackage google.type;\nmessage Date {}\nmessage Extra {}\n",
		"api/google/type/color.proto":     "syntax = \"proto3\";\npackage google.type;\nmessage Color {}\n",
		"api/google/protobuf/empty.proto": "syntax = \"proto3\";\npackage google.protobuf;\nmessage Empty {}\n",
	})
	t.Chdir(dir)
	src, err := Sources([]string{"api"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	contents, err := src.Contents(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(contents)), []string{"a.proto", "google/type/date.proto"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
