package model

import (
	"go/build"
	"go/token"
	"go/types"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

func TestPackageName(t *testing.T) {
	tests := map[string]string{
		"shop": "shop", "shop/v1": "shopv1", "acme/shop/v1beta1": "shopv1beta1", "acme/v1/shop": "shop", "v1": "v1", "a/v1p1alpha1": "av1p1alpha1",
		"my_shop/v2": "myshopv2", "type": "typepb", "a/string": "stringpb", "main": "mainpb", "init": "initpb", "nil": "nilpb", "Shop": "shop", "x_": "x",
	}
	for dir, want := range tests {
		if got := packageName(dir); got != want {
			t.Errorf("%s: got %s, want %s", dir, got, want)
		}
	}
}

func TestPackageDir(t *testing.T) {
	tests := []struct{ protoPackage, file, want string }{
		{"acme.shop.v1", "x.proto", "acme/shop/v1"},
		{"", "greet/hello-world.proto", "greet/hello_world"},
		{"", "1.x.proto", "x_1_x"},
		{"internal.wire", "x.proto", "internalpb/wirepb"},
		{"vendor.testdata.clients", "x.proto", "vendorpb/testdatapb/clientspb"},
		{"con.Aux.lpt1", "x.proto", "conpb/Auxpb/lpt1pb"},
		{"_a._b", "x.proto", "x_a/x_b"},
		{"ctx.stream", "x.proto", "ctx/streampb"},
		{"", "größe.proto", "gr__e"},
		{"", "-.proto", "x_"},
	}
	for _, tt := range tests {
		if got := packageDir(tt.protoPackage, tt.file); got != tt.want {
			t.Errorf("%s, %s: got %s, want %s", tt.protoPackage, tt.file, got, tt.want)
		}
	}
}

// FuzzPackage checks that whatever a proto package or file is called, Go takes its folder and its name.
func FuzzPackage(f *testing.F) {
	for _, s := range []string{"acme.shop.v1", "type", "_._", "1", "ä", "a-b", "internal", "x/..", "con"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, protoPackage, file string) {
		dir := packageDir(protoPackage, file+".proto")
		if err := module.CheckImportPath("example.com/m/gen/" + dir); err != nil {
			t.Errorf("%q, %q: %v", protoPackage, file, err)
		}
		for elem := range strings.SplitSeq(dir, "/") {
			if elem[0] == '_' || elem == "internal" || elem == "vendor" || elem == "testdata" {
				t.Errorf("%q, %q: Go leaves out %s", protoPackage, file, dir)
			}
		}
		name := packageName(dir)
		if !token.IsIdentifier(name) || types.Universe.Lookup(name) != nil || name == "main" || name == "_" || strings.HasSuffix(name, "_test") {
			t.Errorf("%q, %q: no package can be called %q", protoPackage, file, name)
		}
	})
}

func TestSnake(t *testing.T) {
	tests := map[string]string{
		"Catalog": "catalog", "HTTPServer": "http_server", "ServeHTTP": "serve_http", "GetV2": "get_v2", "A": "a", "ABC": "abc",
		"Foo_Bar": "foo_bar", "FooBar": "foo_bar", "X_": "x_", "ABc": "a_bc", "OAuth2Token": "o_auth2_token",
	}
	for name, want := range tests {
		if got := snake(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestFileStem asks go/build whether a service's files are part of its package wherever that is built.
func TestFileStem(t *testing.T) {
	var names []string
	for _, s := range append(slices.Clone(systems), "unix", "test", "linux_test", "linux_amd64", "amd64_test", "grpc", "go") {
		words := strings.Split(s, "_")
		for i, w := range words {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		names = append(names, "Foo"+strings.Join(words, ""), "Foo_"+s, strings.Join(words, ""))
	}
	for _, name := range names {
		stem := fileStem(name)
		for _, goos := range []string{"linux", "windows", "darwin"} {
			for _, file := range []string{stem + ".go", stem + "_test.go"} {
				if !builds(t, goos, file) {
					t.Errorf("service %s: %s is left out on %s", name, file, goos)
				}
			}
		}
		if strings.HasSuffix(stem, "_test") {
			t.Errorf("service %s: %s.go is a test", name, stem)
		}
	}
}

// TestConstrained asks go/build about the names of stubs.
func TestConstrained(t *testing.T) {
	for _, s := range append(slices.Clone(systems), "unix", "test", "grpc", "x") {
		for _, stem := range []string{s, "x_" + s, "x_" + s + "_test", "x_" + s + "_amd64", "x_" + s + "_x", "x_test_test", "_" + s} {
			always := builds(t, "linux", stem+".pb.go") && builds(t, "windows", stem+".pb.go") && builds(t, "plan9", stem+".pb.go")
			if strings.HasPrefix(stem, "_") {
				continue // Go leaves it out for another reason
			}
			if constrained(stem) == always {
				t.Errorf("constrained(%q) is %t", stem, !always)
			}
		}
	}
}

func builds(t *testing.T, goos, file string) bool {
	t.Helper()
	c := build.Context{GOOS: goos, GOARCH: "another", Compiler: "gc", OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package p\n")), nil
	}}
	ok, err := c.MatchFile("/x", file)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestAliases(t *testing.T) {
	a := newAliases()
	for _, tt := range []struct{ path, want, alias string }{
		{"m/a/v1", "av1", "av1"},
		{"m/a/v1", "other", "av1"},
		{"m/b/v1", "av1", "av12"},
		{"m/context", "context", "contextpb"},
		{"m/x/context", "context", "contextpb2"},
		{"m/type", "type", "typepb"},
		{"m/Upper", "Upper", "upper"},
		{"m/string", "string", "stringpb"},
	} {
		if got := a.add(tt.path, tt.want); got != tt.alias {
			t.Errorf("%s as %s: got %s, want %s", tt.path, tt.want, got, tt.alias)
		}
	}
	if got := a.sorted(); len(got) != 7 || !slices.IsSortedFunc(got, func(x, y Import) int { return strings.Compare(x.Path, y.Path) }) {
		t.Errorf("got %v", got)
	}
}

func TestDocLines(t *testing.T) {
	tests := map[string][]string{
		"":                                    nil,
		" \n\t\n":                             nil,
		" One.\n":                             {"One."},
		" One.\n\n Two.\n":                    {"One.", "", "Two."},
		" One.\r\n Two.\r\n":                  {"One.", "Two."},
		"  - indented\n":                      {" - indented"},
		" a\rb\x00c\u0085d\ufeffe\n":          {"abcde"},
		" */ {{ `x` }} \"y\"\n":               {"*/ {{ `x` }} \"y\""},
		" Latin-1 \xfc\n":                     {"Latin-1 \ufffd"},
		" +build ignore\n":                    {"+ build ignore"},
		"\x01+build ignore\n":                 {"+ build ignore"},
		" Use +build.\n":                      {"Use +build."},
		"go:build ignore\n":                   {"go:build ignore"},
		" trailing  \n":                       {"trailing"},
		"* One.\n Two.\n ":                    {"One.", "Two."},
		"*\n One.\n\n Two.\n ":                {"One.", "", "Two."},
		" * item\n":                           {"* item"},
		" \u2028 separator stays a character": {"\u2028 separator stays a character"},
	}
	for comment, want := range tests {
		if got := docLines(comment); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", comment, got, want)
		}
	}
}

func TestEnvPrefix(t *testing.T) {
	if got := envPrefix("my-shop2"); got != "MY_SHOP2" {
		t.Errorf("got %s", got)
	}
}
