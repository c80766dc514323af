package model

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
)

const contract = `syntax = "proto3";
package shop.v1;
import "google/protobuf/empty.proto";
message M {}
// Catalog is documented.
service Catalog {
  option deprecated = true;
  // Get is documented.
  rpc get_it (M) returns (google.protobuf.Empty) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Watch (M) returns (stream M) { option deprecated = true; }
  rpc Load (stream M) returns (M);
  rpc Chat (stream M) returns (stream M);
}
service Orders { rpc Get (M) returns (M); }
`

func load(t *testing.T, source string) *protoload.Contract {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shop.proto"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := protoload.Load(t.Context(), protoload.Source{Dir: dir, Roots: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func project(apps ...manifest.App) *manifest.Manifest {
	return &manifest.Manifest{Name: "shop", Module: "example.com/shop", Registry: "etcd", Layers: manifest.Refs("docker"), Apps: apps}
}

func TestBuild(t *testing.T) {
	c := load(t, contract)
	before := proto.CloneOf(c.Request)
	p, err := Build(project(
		manifest.App{Name: "my-shop", Services: manifest.Refs("*"), Clients: manifest.Refs("shop.v1.Orders")},
	), c.Request, c)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(before, c.Request) {
		t.Error("Build changes the request")
	}
	if !p.Has("docker") || p.Has("helm") {
		t.Error("Has does not follow the manifest")
	}
	catalog := p.Services[0]
	want := Service{
		Name: "Catalog", FullName: "shop.v1.Catalog", Doc: []string{"Catalog is documented."}, Deprecated: true,
		Stub:    Package{"example.com/shop/gen/shop/v1", "gen/shop/v1", "shopv1"},
		Handler: Handler{Package{"example.com/shop/internal/service/shop/v1", "internal/service/shop/v1", "shopv1"}, "Catalog", "catalog"},
		Client:  Package{"example.com/shop/pkg/client/shop/v1/catalogclient", "pkg/client/shop/v1/catalogclient", "catalogclient"},
		Pos:     diag.Pos{File: "shop.proto", Line: 6, Col: 1},
	}
	if catalog.Name != want.Name || catalog.FullName != want.FullName || !slices.Equal(catalog.Doc, want.Doc) || !catalog.Deprecated ||
		catalog.Stub != want.Stub || catalog.Handler != want.Handler || catalog.Client != want.Client || catalog.Pos != want.Pos {
		t.Errorf("got  %+v\nwant %+v", catalog, want)
	}
	get := catalog.Methods[0]
	if get.Name != "GetIt" || get.ProtoName != "get_it" || get.FullName != "shop.v1.Catalog.get_it" || get.Kind != Unary || !get.Idempotent ||
		get.Input != "pb.M" || get.Output != "emptypb.Empty" || !slices.Equal(get.Doc, []string{"Get is documented."}) {
		t.Errorf("got %+v", get)
	}
	if watch := catalog.Methods[1]; watch.Kind != ServerStream || !watch.Deprecated || watch.Idempotent {
		t.Errorf("got %+v", watch)
	}
	if catalog.Methods[2].Kind != ClientStream || catalog.Methods[3].Kind != BidiStream || !catalog.HasKind(BidiStream) || p.Services[1].HasKind(BidiStream) {
		t.Error("the kinds of rpc are mixed up")
	}
	if len(catalog.Imports) != 1 || catalog.Imports[0].Alias != "emptypb" || catalog.Imports[0].Path != "google.golang.org/protobuf/types/known/emptypb" {
		t.Errorf("got %v", catalog.Imports)
	}
	app := p.Apps[0]
	if app.EnvPrefix != "MY_SHOP" || len(app.Services) != 1 || app.Services[0] != catalog || len(app.Clients) != 1 || len(p.Calls) != 1 || p.Calls[0].Field != "Orders" {
		t.Errorf("* is not what the app doesn't call: %+v", app)
	}
	if got := p.AppOf(catalog); got != app || p.AppOf(p.Services[1]) != nil {
		t.Errorf("%s is served by %v", catalog.FullName, got)
	}
	if len(p.Warnings) != 0 {
		t.Errorf("got %v", p.Warnings)
	}
}

// TestCallFields checks that what a field calls does not depend on what else is called, or in which order.
func TestCallFields(t *testing.T) {
	tests := map[string]map[string]string{
		"alone":              {"a.v1.Store": "Store", "a.v1.Cart": "Cart"},
		"in two packages":    {"a.v1.Store": "AStore", "b.v1.Store": "BStore", "b.v1.Cart": "Cart"},
		"in two versions":    {"a.v1.Store": "AV1Store", "a.v2.Store": "AV2Store"},
		"below each other":   {"x.pick_up.Store": "XPickUpStore", "y.pick_up.Store": "YPickUpStore"},
		"without a package":  {"Store": "Store", "a.Store": "AStore"},
		"all names the same": {"a.b_c.S": "ABCS", "a.b.c.S": "CS", "d.b_c.S": "DBCS"},
	}
	for name, want := range tests {
		var called []*Service
		for full := range want {
			called = append(called, &Service{Name: full[strings.LastIndexByte(full, '.')+1:], FullName: full})
		}
		for s, field := range callFields(called) {
			if field != want[s.FullName] {
				t.Errorf("%s: %s is called by %s, want %s", name, s.FullName, field, want[s.FullName])
			}
		}
	}
}

func TestBuildApps(t *testing.T) {
	c := load(t, contract)
	at := func(name string, line int) manifest.Ref {
		return manifest.Ref{Name: name, Pos: diag.Pos{File: "svc.yaml", Line: line, Col: 3}}
	}
	_, err := Build(project(
		manifest.App{Name: "a", Services: []manifest.Ref{at("shop.v1.Nope", 7)}, Clients: []manifest.Ref{at("shop.v1.catalog", 8)}},
	), c.Request, c)
	want := "svc.yaml:7:3: service shop.v1.Nope is not in the contract\n      → the contract declares shop.v1.Catalog, shop.v1.Orders\n" +
		"svc.yaml:8:3: service shop.v1.catalog is not in the contract\n      → the contract declares shop.v1.Catalog, shop.v1.Orders"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	p, err := Build(project(
		manifest.App{Name: "a", Services: manifest.Refs("shop.v1.Catalog", "shop.v1.Catalog")},
		manifest.App{Name: "b", Services: manifest.Refs("shop.v1.Catalog")},
	), c.Request, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Apps[0].Services) != 1 || len(p.Served) != 1 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings.Error(), "shop.proto:14:1: no app serves shop.v1.Orders") {
		t.Errorf("got %+v, %v", p.Apps[0].Services, p.Warnings)
	}
}

// TestBuildWithoutSource checks that findings say at least the file when a descriptor set carries no positions.
func TestBuildWithoutSource(t *testing.T) {
	c := load(t, strings.Replace(contract, "rpc Watch", "rpc GetIt", 1))
	for _, f := range c.Request.ProtoFile {
		f.SourceCodeInfo = nil
	}
	_, err := Build(project(manifest.App{Name: "a", Services: manifest.Refs("*")}), c.Request, c)
	var found diag.Set
	if !errors.As(err, &found) || len(found) == 0 || found[0].String() != "shop.proto:1:1" {
		t.Errorf("got %v", err)
	}
}

func TestBuildNothing(t *testing.T) {
	c := load(t, contract)
	for _, r := range []*pluginpb.CodeGeneratorRequest{{}, {ProtoFile: c.Request.ProtoFile}} {
		_, err := Build(project(manifest.App{Name: "a", Services: manifest.Refs("*")}), r, c)
		if err == nil || !strings.Contains(err.Error(), "the contract declares no service") {
			t.Errorf("got %v", err)
		}
	}
}

func TestParameter(t *testing.T) {
	got := Parameter([]Stub{{File: "a b.proto", Package: Package{Path: "m/gen/a", Name: "a"}}, {File: "c.proto", Package: Package{Path: "m/gen/c", Name: "cpb"}}})
	if want := "Ma b.proto=m/gen/a;a,Mc.proto=m/gen/c;cpb"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestThirdParty(t *testing.T) {
	m := project(manifest.App{Name: "a", Services: manifest.Refs("*")})
	m.Proto.Roots = []string{"api"}
	build := func(imports string) *Project {
		c := load(t, strings.Replace(contract, "import", imports+"import", 1))
		p, err := Build(m, c.Request, c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := build("import \"google/api/annotations.proto\";\nimport \"buf/validate/validate.proto\";\n")
	var files []string
	for _, f := range p.ThirdParty {
		files = append(files, f.File)
	}
	if want := []string{"buf/validate/validate.proto", "google/api/annotations.proto", "google/api/http.proto"}; !slices.Equal(files, want) {
		t.Errorf("got %q, want %q", files, want)
	}
	if got, want := p.ThirdPartyDirs(), []string{"gen/third_party/buf", "gen/third_party/google"}; !slices.Equal(got, want) {
		t.Errorf("the folders are %q, want %q", got, want)
	}
	none := build("")
	if len(none.ThirdParty) > 0 || len(none.ThirdPartyDirs()) > 0 {
		t.Errorf("got %v", none.ThirdParty)
	}
	for root, want := range map[string]bool{".": true, "./gen/": true, "gen": true, "api": false, "gen/third": false, "ge": false, "../gen": false} {
		if got := p.ThirdPartyBelow(root); got != want {
			t.Errorf("below %s: %t", root, got)
		}
		if none.ThirdPartyBelow(root) {
			t.Errorf("below %s is nothing", root)
		}
	}
}

func TestRootInThirdParty(t *testing.T) {
	m := project(manifest.App{Name: "a", Services: manifest.Refs("*")})
	c := load(t, contract)
	for root, want := range map[string]bool{"api": true, "gen/third_party2": true, "gen/third_party": false, "./gen/third_party/google": false} {
		m.Proto.Roots = []string{root}
		_, err := Build(m, c.Request, c)
		if (err == nil) != want || err != nil && !strings.HasPrefix(err.Error(), "svc.yaml: proto.roots: gen/third_party") {
			t.Errorf("%s: got %v", root, err)
		}
	}
}
