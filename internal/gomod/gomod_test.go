package gomod

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/tree"
)

// everything is the import path of a package of each feature.
var everything = []string{
	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate",
	"google.golang.org/genproto/googleapis/api/annotations",
	"google.golang.org/genproto/googleapis/rpc/status",
	"google.golang.org/genproto/googleapis/type/money",
	"google.golang.org/protobuf/types/known/emptypb",
}

func compose(t *testing.T, p *model.Project) (*modfile.File, string) {
	t.Helper()
	files, err := Compose(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].Path != "go.mod" || files[1].Path != "go.sum" || files[0].Class != tree.Merge || files[1].Class != tree.Merge {
		t.Fatalf("got %+v", files)
	}
	mod, err := modfile.Parse("go.mod", files[0].Content, nil)
	if err != nil {
		t.Fatal(err)
	}
	formatted, err := mod.Format()
	if err != nil || string(formatted) != string(files[0].Content) {
		t.Errorf("go.mod is not as the go command writes it: %v\n%s", err, files[0].Content)
	}
	return mod, string(files[1].Content)
}

func TestCompose(t *testing.T) {
	for _, registry := range manifest.Registries {
		for n := range 1 << len(everything) {
			p := &model.Project{Module: "example.com/shop/v2", GoVersion: "1.26", Registry: registry}
			for i, f := range everything {
				if n&(1<<i) != 0 {
					p.Features = append(p.Features, f)
				}
			}
			mod, sum := compose(t, p)
			checkModule(t, mod)
			checkSum(t, mod, sum)
		}
	}
}

func checkModule(t *testing.T, mod *modfile.File) {
	t.Helper()
	if mod.Module.Mod.Path != "example.com/shop/v2" || mod.Go.Version != "1.26.0" || len(mod.Replace)+len(mod.Exclude) > 0 {
		t.Errorf("got module %v, go %v, replace %v, exclude %v", mod.Module, mod.Go, mod.Replace, mod.Exclude)
	}
	var tools []string
	for _, tool := range mod.Tool {
		tools = append(tools, tool.Path)
	}
	if want := []string{"google.golang.org/grpc/cmd/protoc-gen-go-grpc", "google.golang.org/protobuf/cmd/protoc-gen-go"}; !slices.Equal(tools, want) {
		t.Errorf("the tools are %v, want %v", tools, want)
	}
}

// checkSum checks that go.sum has each requirement's go.mod, and that its lines are in the order of the go command.
func checkSum(t *testing.T, mod *modfile.File, sum string) {
	t.Helper()
	var mods []module.Version
	for line := range strings.Lines(sum) {
		fields := strings.Fields(line)
		if len(fields) != 3 || !strings.HasPrefix(fields[2], "h1:") {
			t.Fatalf("go.sum has the line %q", line)
		}
		mods = append(mods, module.Version{Path: fields[0], Version: fields[1]})
	}
	sorted := slices.Clone(mods)
	module.Sort(sorted)
	if !slices.Equal(mods, sorted) {
		t.Error("go.sum is not sorted")
	}
	for _, r := range mod.Require {
		if !slices.Contains(mods, module.Version{Path: r.Mod.Path, Version: r.Mod.Version + "/go.mod"}) {
			t.Errorf("go.sum has no go.mod of %s", r.Mod)
		}
	}
}

// TestRequirementsAreCurrent holds requirements.json to the one list of versions that it is made from.
func TestRequirementsAreCurrent(t *testing.T) {
	content, err := os.ReadFile("../../templates/versions/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	pinned := map[string]string{}
	for _, r := range mod.Require {
		pinned[r.Mod.Path] = r.Mod.Version
	}
	features := map[string]Feature{}
	if err := json.Unmarshal(requirements, &features); err != nil {
		t.Fatal(err)
	}
	for name, f := range features {
		for _, m := range slices.Concat(f.Direct, f.Indirect) {
			if pinned[m.Path] != m.Version {
				t.Errorf("%s has %s, and templates/versions/go.mod %q: run go generate ./internal/gomod", name, m, pinned[m.Path])
			}
		}
	}
	dirs, err := os.ReadDir("../../templates/versions")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if _, ok := features[d.Name()]; d.IsDir() && !ok {
			t.Errorf("requirements.json has no %s: run go generate ./internal/gomod", d.Name())
		}
	}
}
