package protoload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/svcgen/svc/internal/diag"
)

const greeter = "syntax = \"proto3\";\npackage greet;\nmessage M {}\nservice Greeter { rpc Hello (M) returns (M); }\n"

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// findings returns what an error says, a line each.
func findings(t *testing.T, err error) []string {
	t.Helper()
	var found diag.Set
	if !errors.As(err, &found) {
		t.Fatalf("got %v, want findings", err)
	}
	var lines []string
	for _, d := range found {
		lines = append(lines, fmt.Sprintf("%s: %s", d.Pos, d.Message))
	}
	return lines
}

func TestLoad(t *testing.T) {
	dir := write(t, map[string]string{
		"api/b.proto":        greeter,
		"api/a.proto":        "syntax = \"proto3\";\npackage a;\nimport \"b.proto\";\nimport \"common.proto\";\nimport \"google/protobuf/empty.proto\";\nmessage A { greet.M m = 1; C c = 2; }\n",
		"third/common.proto": "syntax = \"proto3\";\npackage a;\nmessage C {}\n",
		"api/.git/x.proto":   "not read",
		"api/notes.txt":      "not read",
	})
	c, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api", "third"}})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, f := range c.Request.ProtoFile {
		order = append(order, f.GetName())
	}
	if want := []string{"b.proto", "common.proto", "google/protobuf/empty.proto", "a.proto"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	if want := []string{"a.proto", "b.proto", "common.proto"}; !slices.Equal(c.Request.FileToGenerate, want) {
		t.Errorf("own files are %v, want %v", c.Request.FileToGenerate, want)
	}
	if got := c.Pos("common.proto", 3, 9).String(); got != "third/common.proto:3:9" {
		t.Errorf("got %s", got)
	}
	if got := c.Services(); !slices.Equal(got, []string{"greet.Greeter"}) {
		t.Errorf("got %v", got)
	}
}

// TestLoadOrder checks that neither the order of the roots nor that of the files shows.
func TestLoadOrder(t *testing.T) {
	dir := write(t, map[string]string{
		"one/a.proto": "syntax = \"proto3\";\nimport \"b.proto\";\n", "one/c.proto": greeter,
		"two/b.proto": "syntax = \"proto3\";\n", "two/d.proto": "syntax = \"proto3\";\nimport \"c.proto\";\n",
	})
	var first []byte
	for _, src := range []Source{
		{Dir: dir, Roots: []string{"one", "two"}},
		{Dir: dir, Roots: []string{"two", "one"}},
		{Dir: dir, Roots: []string{"two", "one"}, Files: []string{"d.proto", "a.proto", "c.proto", "b.proto"}},
	} {
		c, err := Load(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		got, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.Request)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if string(got) != string(first) {
			t.Errorf("%+v makes another request", src)
		}
	}
}

func TestLoadFindings(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"all files at once": {
			map[string]string{
				"api/a.proto": "syntax = \"proto3\";\nimport \"gone.proto\";\nimport \"gone/too.proto\";\nmessage A { string s = 1 }\n",
				"api/b.proto": "syntax = \"proto3\";\nmessage B { Nope n = 1; }\n",
				"two/c.proto": "syntax = \"proto3\";\nmessage C { string s = 1; string t = 1; }\n",
				"two/d.proto": "edition = \"2024\";\nexport message M {}\nlocal message L {}\n",
			},
			[]string{
				"api/a.proto:2:8: gone.proto is not below an import root: file does not exist",
				"api/a.proto:3:8: gone/too.proto is not below an import root: file does not exist",
				"api/a.proto:4:26: syntax error: expecting ';'",
				"api/b.proto:2:13: field B.n: unknown type Nope",
				"two/c.proto:2:38: message C: fields s and t both have the same tag 1",
				"two/d.proto:1:11: edition 2024 is not supported: svc reads up to edition 2023 by itself",
			},
		},
		"one file in two roots": {
			map[string]string{"api/x/a.proto": greeter, "two/x/a.proto": greeter},
			[]string{"two/x/a.proto:1:1: x/a.proto is also in import root api"},
		},
		"one symbol in two files": {
			map[string]string{"api/a.proto": greeter, "two/b.proto": greeter},
			[]string{
				`two/b.proto:3:9: symbol "greet.M" is already defined at api/a.proto:3:9`,
				`two/b.proto:4:9: symbol "greet.Greeter" is already defined at api/a.proto:4:9`,
				`two/b.proto:4:23: symbol "greet.Greeter.Hello" is already defined at api/a.proto:4:23`,
			},
		},
		"a file that ends early": {
			map[string]string{"api/a.proto": "syntax = \"proto3\";\nmessage A {\n", "two/x": ""},
			[]string{"api/a.proto:3:1: syntax error: unexpected end of file"},
		},
		"files that import each other": {
			map[string]string{
				"api/a.proto": "syntax = \"proto3\";\nimport \"b.proto\";\n", "two/b.proto": "syntax = \"proto3\";\nimport \"a.proto\";\n",
			},
			nil,
		},
		"nothing at all": {
			map[string]string{"api/x": "", "two/x": ""},
			[]string{"api, two: no .proto file below the import roots"},
		},
		"not text": {map[string]string{"api/a.proto": "\x00\xff\x01", "two/x": ""}, nil},
		"what the compiler panics on": { // found by FuzzContract
			map[string]string{"api/a.proto": "s\x8d \"\\u#\xf6\xf6\xf6", "two/b.proto": "syntax = \"proto3\";\nmessage B { Nope n = 1; }\n"},
			[]string{
				"api/a.proto:1:1: syntax error: unexpected identifier",
				"api/a.proto:1:2: invalid character",
				"two/b.proto:2:13: field B.n: unknown type Nope",
			},
		},
		"an archive": {map[string]string{"api/a.proto": "PK\x03\x04" + strings.Repeat("\x9f", 1000), "two/x": ""}, nil},
		"a deep nesting": {
			map[string]string{"api/a.proto": "syntax = \"proto3\";\n" + strings.Repeat("message M {", 2000) + strings.Repeat("}", 2000), "two/x": ""},
			nil,
		},
		"a deep option": {
			map[string]string{"api/a.proto": "syntax = \"proto3\";\noption (x) = " + strings.Repeat("{a:", 5000) + strings.Repeat("}", 5000) + ";", "two/x": ""},
			nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := write(t, tt.files)
			_, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api", "two"}})
			got := findings(t, err)
			if tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			for _, line := range got {
				if strings.Contains(line, dir) {
					t.Errorf("a position is not relative to the project: %s", line)
				}
			}
		})
	}
}

// TestLoadTabs checks that columns count characters, whichever way a position comes about.
func TestLoadTabs(t *testing.T) {
	dir := write(t, map[string]string{"api/a.proto": "syntax = \"proto3\";\nmessage A {\n\t/*ü*/\tNope n = 1;\n}\n\timport \"gone.proto\";\n"})
	_, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	want := []string{"api/a.proto:5:9: gone.proto is not below an import root: file does not exist"}
	if got := findings(t, err); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	dir = write(t, map[string]string{
		"api/a.proto": "syntax = \"proto3\";\nmessage A {\n\t/*ü*/\tNope n = 1;\n}\n",
		"api/b.proto": "syntax = \"proto3\";\npackage b;\n\tmessage M {}\n\t \tmessage M {}\n",
	})
	_, err = Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	want = []string{"api/a.proto:3:8: field A.n: unknown type Nope", `api/b.proto:4:12: symbol "b.M" is already defined at api/b.proto:3:10`}
	if got := findings(t, err); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	dir = write(t, map[string]string{"api/a.proto": greeter + "\tmessage N {}\n"})
	c, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, loc := range c.Request.ProtoFile[0].SourceCodeInfo.Location {
		if slices.Equal(loc.Path, []int32{4, 1}) { // the second message
			if got := c.Pos("a.proto", int(loc.Span[0])+1, int(loc.Span[1])+1).String(); got != "api/a.proto:5:2" {
				t.Errorf("got %s", got)
			}
		}
	}
}

// TestLoadOddFiles checks that what is called like a .proto and isn't one is left alone, and can't hang a run.
func TestLoadOddFiles(t *testing.T) {
	dir := write(t, map[string]string{"api/a.proto": greeter, "api/folder.proto/b.proto": "syntax = \"proto3\";\n"})
	api := filepath.Join(dir, "api")
	if err := errors.Join(
		os.Symlink(".", filepath.Join(api, "loop")),
		os.Symlink("self.proto", filepath.Join(api, "self.proto")),
		os.Symlink("/nowhere", filepath.Join(api, ".#a.proto")),                          // as Emacs locks a file
		os.WriteFile(filepath.Join(api, "._a.proto"), []byte("\x00\x05\x16\x07"), 0o644), // as macOS leaves on other file systems
	); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	if got := findings(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "api/self.proto") {
		t.Errorf("got %q", got)
	}
	if err := os.Remove(filepath.Join(api, "self.proto")); err != nil {
		t.Fatal(err)
	}
	c, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.proto", "folder.proto/b.proto"}; !slices.Equal(c.Request.FileToGenerate, want) {
		t.Errorf("got %v, want %v", c.Request.FileToGenerate, want)
	}
}

func TestLoadNoRoot(t *testing.T) {
	_, err := Load(t.Context(), Source{Dir: t.TempDir(), Roots: []string{"api"}})
	if err == nil || !strings.Contains(err.Error(), "import root api") {
		t.Errorf("got %v", err)
	}
}

func TestLoadDescriptorSet(t *testing.T) {
	dir := write(t, map[string]string{
		"api/b.proto": greeter,
		"api/a.proto": "syntax = \"proto3\";\npackage a;\nimport \"b.proto\";\nimport \"google/protobuf/empty.proto\";\nservice A { rpc Get (greet.M) returns (google.protobuf.Empty); }\n",
	})
	c, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	set := func(files ...*descriptorpb.FileDescriptorProto) []byte {
		out, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: files})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	all := c.Request.ProtoFile
	bare := proto.CloneOf(all[len(all)-1])
	bare.SourceCodeInfo = nil
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	newer := proto.CloneOf(all[0])
	newer.Syntax, newer.Edition = proto.String("editions"), descriptorpb.Edition_EDITION_2024.Enum()

	good := map[string][]byte{"whole": set(all...), "out of order": set(reversed...), "without source info": set(append(all[:len(all)-1:len(all)-1], bare)...), "edition 2024": set(newer)}
	for name, content := range good {
		if err := os.WriteFile(filepath.Join(dir, "set.binpb"), content, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := LoadDescriptorSet(dir, "set.binpb")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.Request.FileToGenerate) == 0 || slices.Contains(got.Request.FileToGenerate, "google/protobuf/empty.proto") {
			t.Errorf("%s: own files are %v", name, got.Request.FileToGenerate)
		}
	}
	bad := map[string][]byte{
		"empty": nil, "damaged": set(all...)[:100], "a .proto": []byte(greeter), "without imports": set(all[len(all)-1]),
		"a file twice": set(all[0], all[0]), "a file without a name": set(&descriptorpb.FileDescriptorProto{}),
	}
	for name, content := range bad {
		if err := os.WriteFile(filepath.Join(dir, "set.binpb"), content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := LoadDescriptorSet(dir, "set.binpb")
		if err == nil {
			t.Errorf("%s: it is taken", name)
		} else if got := findings(t, err); !strings.HasPrefix(got[0], "set.binpb:1:1: ") {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if _, err := LoadDescriptorSet(dir, "absent.binpb"); err == nil {
		t.Error("a set that is not there is taken")
	}
}

func TestSources(t *testing.T) {
	dir := write(t, map[string]string{
		"protos/greet/v1/greet.proto": strings.Replace(greeter, "package greet", "package greet.v1", 1),
		"protos/other.proto":          "syntax = \"proto3\";\n",
		"loose/greet.proto":           greeter,
		"loose2/greet.proto":          greeter,
		"empty/x":                     "",
		"tree/acme/shop/shop.proto":   "syntax = \"proto3\";\npackage acme.shop;\nimport \"acme/money.proto\";\n",
		"tree/acme/money.proto":       "syntax = \"proto3\";\npackage acme;\n",
	})
	t.Chdir(dir)
	tests := map[string]struct {
		named, roots []string
		wantRoots    []string
		wantFiles    []string
	}{
		"a folder is a root":                        {[]string{"protos"}, nil, []string{"protos"}, []string{"greet/v1/greet.proto", "other.proto"}},
		"a folder below a root":                     {[]string{"protos/greet"}, []string{"protos"}, []string{"protos"}, []string{"greet/v1/greet.proto"}},
		"a file below its package's":                {[]string{"protos/greet/v1/greet.proto"}, nil, []string{"protos"}, []string{"greet/v1/greet.proto"}},
		"a file out of its package's":               {[]string{"loose/greet.proto"}, nil, []string{"loose"}, []string{"greet.proto"}},
		"a file twice":                              {[]string{"loose/greet.proto", "./loose/greet.proto", "loose"}, nil, []string{"loose"}, []string{"greet.proto"}},
		"a file in its package's folder":            {[]string{"protos/greet/v1/../v1/greet.proto"}, nil, []string{"protos"}, []string{"greet/v1/greet.proto"}},
		"a folder whose files import from above it": {[]string{"tree/acme/shop"}, nil, []string{"tree"}, []string{"acme/shop/shop.proto"}},
		"an absolute file below a root":             {[]string{filepath.Join(dir, "protos", "other.proto")}, []string{"protos"}, []string{"protos"}, []string{"other.proto"}},
	}
	for name, tt := range tests {
		src, err := Sources(tt.named, tt.roots)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(src.Roots, tt.wantRoots) || !slices.Equal(src.Files, tt.wantFiles) {
			t.Errorf("%s: got %q below %q, want %q below %q", name, src.Files, src.Roots, tt.wantFiles, tt.wantRoots)
		}
	}
	t.Run("within the package's folder", func(t *testing.T) {
		t.Chdir(filepath.Join(dir, "tree", "acme", "shop"))
		for _, named := range []string{"shop.proto", "./shop.proto", "../shop/shop.proto", "."} {
			src, err := Sources([]string{named}, nil)
			if err != nil || !slices.Equal(src.Roots, []string{"../.."}) || !slices.Equal(src.Files, []string{"acme/shop/shop.proto"}) {
				t.Errorf("%s: got %q below %q, %v", named, src.Files, src.Roots, err)
			}
		}
	})
	_, err := Sources([]string{"loose", "loose2"}, nil)
	if want := "loose/greet.proto and loose2/greet.proto are both greet.proto below their import roots: keep one of them"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, named := range []string{"absent.proto", "absent", "empty"} {
		if _, err := Sources([]string{named}, nil); err == nil {
			t.Errorf("%s is taken", named)
		}
	}
}

// builtinFiles lists what a contract may import without having it.
func builtinFiles() []string {
	var names []string
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if Builtin(f.Path()) {
			names = append(names, f.Path())
		}
		return true
	})
	slices.Sort(names)
	return names
}

// TestBuiltinsCompile imports every file that is built in, so that none is without its imports or Go package.
func TestBuiltinsCompile(t *testing.T) {
	var source strings.Builder
	source.WriteString("syntax = \"proto3\";\n")
	names := builtinFiles()
	if len(names) < 50 {
		t.Errorf("only %d files are built in: %v", len(names), names)
	}
	for _, name := range names {
		fmt.Fprintf(&source, "import %q;\n", name)
	}
	dir := write(t, map[string]string{"a.proto": source.String()})
	c, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Request.ProtoFile {
		if f.GetName() != "a.proto" && f.GetOptions().GetGoPackage() == "" {
			t.Errorf("%s has no Go package", f.GetName())
		}
	}
	if len(c.Request.FileToGenerate) != 1 {
		t.Errorf("stubs would be made for %v", c.Request.FileToGenerate)
	}
}

func TestHarmless(t *testing.T) {
	tests := map[string]string{
		" Plain, with `ticks`, */ and {{ }}.\n": "",
		"go:build ignore\n":                     " go:build ignore\n",
		" go:build ignore\n":                    "",
		" +build ignore\n":                      " build ignore\n",
		"line x.go:1\n":                         " line x.go:1\n",
		" a\ngo:embed x\n":                      " a\n go:embed x\n",
		"\ufeff BOM":                            "  BOM",
		"Latin-1: \xfc":                         "Latin-1: \ufffd",
		"NUL \x00":                              "NUL  ",
	}
	for comment, want := range tests {
		if want == "" {
			want = comment
		}
		loc := &descriptorpb.SourceCodeInfo_Location{LeadingComments: &comment, TrailingComments: &comment, LeadingDetachedComments: []string{comment, "x"}}
		f := &descriptorpb.FileDescriptorProto{SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{loc, {}}}}
		before := proto.CloneOf(f)
		got := harmless(f).SourceCodeInfo.Location[0]
		if got.GetLeadingComments() != want || got.GetTrailingComments() != want || got.LeadingDetachedComments[0] != want {
			t.Errorf("%q: got %v, want %q", comment, got, want)
		}
		if !proto.Equal(f, before) {
			t.Errorf("%q: the contract was changed", comment)
		}
	}
}

// TestEmpty checks that a file without anything is an error of its own, whoever imports it. A comment is enough.
func TestEmpty(t *testing.T) {
	dir := write(t, map[string]string{
		"api/a.proto": "syntax = \"proto3\";\nimport \"b.proto\";\nimport \"c.proto\";\n", "api/b.proto": "", "api/c.proto": "// Nothing yet.\n",
	})
	_, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	if got := findings(t, err); !slices.Contains(got, "api/b.proto:1:1: the file is empty") || strings.Contains(strings.Join(got, "\n"), "c.proto") {
		t.Errorf("got %q", got)
	}
}
