package engine

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/templates"
)

var update = flag.Bool("update", false, "write what is found into the archives of bad contracts")

const contractModule = "example.com/contract"

// serving is a manifest of an app that serves all services.
var serving = []manifest.App{{Name: "all", Services: manifest.Refs("*")}}

// TestGoodContracts emits one project from all contracts that svc must take, and has the Go toolchain compile it.
// They share a project because what is the same in each, the platform, takes most of the time.
func TestGoodContracts(t *testing.T) {
	api := t.TempDir()
	for _, name := range archives(t, "good") {
		writeFiles(t, api, archive(t, name).Files)
	}
	contract := load(t, api)
	apps := append(serving, manifest.App{Name: "caller", Clients: manifest.Refs(contract.Services()...)})
	emission, err := emitContract(t.Context(), contract, "none", apps)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range emission.Tree.Files() {
		if strings.HasSuffix(f.Path, ".go") && !protoload.IsStub(f.Template) { // stubs are as their plugins print them
			checkFormatted(t, f.Path, f.Content)
		}
	}
	if got := len(emission.Model.Services); got < 80 {
		t.Errorf("the project has %d services: some of the contracts are missing", got)
	}
	dir := place(t, emission)
	goTool(t, dir, "vet", "./...")
	// Two registrations of one symbol don't show before the program starts.
	goTool(t, dir, "run", "./cmd/all", "--help")
}

// TestSharedService has two apps serve a service. Others look for it at the first; to Go, a second one is an error.
func TestSharedService(t *testing.T) {
	api := t.TempDir()
	writeFiles(t, api, []txtar.File{{Name: "a.proto", Data: []byte(`syntax = "proto3";
package a;
message M {}
service Pay { rpc Get(M) returns (M); }
service Cart { rpc Get(M) returns (M); }
`)}})
	emission, err := emitContract(t.Context(), load(t, api), "kubernetes", []manifest.App{
		{Name: "web", Services: manifest.Refs("a.Pay")},
		{Name: "copy", Services: manifest.Refs("a.Pay")},
		{Name: "batch", Services: manifest.Refs("a.Pay", "a.Cart")},
	})
	if err != nil {
		t.Fatal(err)
	}
	goTool(t, place(t, emission), "vet", "./internal/platform/discovery")
}

// place puts an emission into a folder of its own, and returns that.
func place(t *testing.T, emission *Emission) string {
	t.Helper()
	files := map[string][]byte{}
	for _, f := range emission.Tree.Files() {
		files[f.Path] = f.Content
	}
	dir := t.TempDir()
	if err := apply.Fill(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

func checkFormatted(t *testing.T, name string, content []byte) {
	t.Helper()
	formatted, err := format.Source(content)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	} else if !bytes.Equal(formatted, content) {
		t.Errorf("%s is not as gofmt has it", name)
	}
}

// goTool runs the go command. Paths are trimmed so that what was built once is cached, wherever the temporary folder is.
func goTool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestBadContracts checks that what can't be emitted is said, with all positions, before anything is made of it.
// The archive's file "want" holds the findings without their hints.
func TestBadContracts(t *testing.T) {
	for _, name := range archives(t, "bad") {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			api := t.TempDir()
			a := archive(t, name)
			var want string
			for i, f := range a.Files {
				if f.Name == "want" {
					want = string(f.Data)
					a.Files = append(a.Files[:i], a.Files[i+1:]...)
					break
				}
			}
			writeFiles(t, api, a.Files)
			err := build(t.Context(), api)
			var found diag.Set
			if !errors.As(err, &found) {
				t.Fatalf("got %v, want findings", err)
			}
			var got strings.Builder
			for _, d := range found {
				fmt.Fprintf(&got, "%s: %s\n", d.Pos, d.Message)
			}
			if *update {
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got.String())})
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got.String() != want {
				t.Errorf("got:\n%s\nwant:\n%s", &got, want)
			}
		})
	}
}

// build takes a contract as far as the last input error can show.
func build(ctx context.Context, api string) error {
	c, err := protoload.Load(ctx, protoload.Source{Dir: api, Roots: []string{"."}})
	if err != nil {
		return err
	}
	_, err = emitContract(ctx, c, "none", serving)
	return err
}

func emitContract(ctx context.Context, c *protoload.Contract, registry string, apps []manifest.App) (*Emission, error) {
	e := &Engine{Layers: templates.FS, Progress: func(string) {}}
	m := &manifest.Manifest{
		Name: "contract", Module: contractModule, Registry: registry,
		Proto: manifest.Proto{Roots: []string{"api"}}, Apps: apps,
	}
	return e.Emit(ctx, m, c, Present{}, true)
}

func load(t *testing.T, api string) *protoload.Contract {
	t.Helper()
	c, err := protoload.Load(t.Context(), protoload.Source{Dir: api, Roots: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func archives(t testing.TB, kind string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "contracts", kind, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s contracts: %v", kind, err)
	}
	return names
}

func archive(t testing.TB, name string) *txtar.Archive {
	t.Helper()
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func writeFiles(t testing.TB, dir string, files []txtar.File) {
	t.Helper()
	contents := map[string][]byte{}
	for _, f := range files {
		contents[path.Clean(f.Name)] = f.Data
	}
	if err := apply.Fill(dir, contents); err != nil {
		t.Fatal(err)
	}
}

// TestEdition2024 emits from a descriptor set what the compiler in process can't read.
func TestEdition2024(t *testing.T) {
	api := t.TempDir()
	writeFiles(t, api, []txtar.File{{Name: "a.proto", Data: []byte(`edition = "2023";
package a;
message M { string s = 1; oneof o { int32 n = 2; M m = 3; } }
enum Kind { KIND_UNSPECIFIED = 0; KIND_X = 1; }
service S { rpc Get (M) returns (M); rpc Chat (stream M) returns (stream M); }
`)}})
	c := load(t, api)
	set := &descriptorpb.FileDescriptorSet{File: c.Request.ProtoFile}
	set.File[0].Edition = descriptorpb.Edition_EDITION_2024.Enum()
	content, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, api, []txtar.File{{Name: "a.binpb", Data: content}})
	if c, err = protoload.LoadDescriptorSet(api, "a.binpb"); err != nil {
		t.Fatal(err)
	}
	emission, err := emitContract(t.Context(), c, "none", serving)
	if err != nil {
		t.Fatal(err)
	}
	checkGo(t, emission.Tree)
}
