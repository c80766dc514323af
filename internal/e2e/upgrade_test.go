package e2e_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/tree"
)

// generations are projects as older versions of svc emitted them, each an archive. Its README.md says how to add one.
const generations = "../../testdata/generations"

// generation makes one: go test ./internal/e2e -run 'TestUpgrade$' -generation NAME
var generation = flag.String("generation", "", "keep the golden project minimal as it is now in testdata/generations, under this name")

// TestUpgrade brings projects of older versions of svc, in which their owner has edited something of every kind, to what
// this svc emits. The golden project minimal is what each of them becomes, and the owner's edits are all that differs.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if *generation != "" {
		writeGeneration(t, filepath.Join(generations, *generation+".txtar"), readTree(t, filepath.Join(goldens, "minimal")))
	}
	archives, err := filepath.Glob(generations + "/*.txtar")
	if err != nil || len(archives) < 2 {
		t.Fatal("too few generations", archives, err)
	}
	for i, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			dir := testUpgrade(t, readGeneration(t, archive))
			if i == 0 { // all become the same project
				checkWorks(t, dir)
			}
		})
	}
}

func testUpgrade(t *testing.T, project files) string {
	t.Helper()
	dir := t.TempDir()
	project.write(t, dir)
	for _, e := range owners {
		edit(t, dir, e.file, e.old, e.new)
	}
	ownFile.write(t, dir)
	dependency := addDependency(t, dir)

	out := svc(t, "generate", "-C", dir)
	for _, word := range []string{"conflict ", "orphan ", "gone ", "by hand"} {
		if strings.Contains(out, word) {
			t.Errorf("svc generate leaves something to its owner:\n%s", out)
		}
	}
	checkUpgraded(t, readTree(t, dir), project["svc.yaml"], dependency)
	for _, args := range [][]string{{"generate", "-C", dir}, {"generate", "-C", dir, "--check"}} {
		if out := svc(t, args...); out != "up to date\n" {
			t.Errorf("another svc %s: %s", strings.Join(args, " "), out)
		}
	}
	return dir
}

const (
	greeterTest = "internal/service/hello/v1/greeter_test.go"
	sayHello    = "\tfor name, req := range tests {\n\t\tt.Run(name, func(t *testing.T) {\n\t\t\t_, err := newGreeterClient(t).SayHello("
)

// owners are the edits of a project's owner. Each old is there once in every generation and in the golden project.
var owners = []struct{ file, old, new string }{
	{greeterHandler, "type Greeter struct {\n", "//\n// Mine: it is polite.\ntype Greeter struct {\n"},
	{
		greeterHandler, `return nil, status.Error(codes.Unimplemented, "hello.v1.Greeter.SayHello is not implemented")`,
		"return &pb.SayHelloResponse{Message: greeting(req.GetName())}, nil // mine",
	},
	{greeterTest, "\t\t\"empty request\": {},\n\t}\n" + sayHello, "\t\t\"empty request\": {},\n\t\t\"mine\":          {Name: \"me\"},\n\t}\n" + sayHello},
	{"internal/service/deps.go", "type Deps struct {\n", "type Deps struct {\n\tMine bool\n\n"},
	{"cmd/hello/main.go", "\tdeps := service.Deps{Clients: calls}\n", "\tdeps := service.Deps{Clients: calls, Mine: true}\n"},
	{"internal/platform/app/app.go", "// Run ", "// Mine.\n//\n// Run "},
	{"internal/platform/config/config.go", "\ntype Config struct {\n", "\n//\n// Mine, too.\ntype Config struct {\n"},
	{"config/config.yaml", "timeout: 30s ", "timeout: 7s "},
	{"Makefile", ".PHONY: clean\n", ".PHONY: mine\nmine: ## Mine\n\techo mine\n\n.PHONY: clean\n"},
	{"README.md", "## Test\n", "## Mine\n\nWhat nobody but me knows.\n\n## Test\n"},
	{"Dockerfile", "USER 65532:65532\n", "COPY --from=build /src/mine /mine\nUSER 65532:65532\n"},
	{"deploy/compose.yaml", "      - /tmp\n", "      - /tmp\n      - /var/mine\n"},
	{"deploy/helm/hello/values.yaml", "replicaCount: 2\n", "replicaCount: 5\n"},
	{"deploy/helm/hello/templates/deployment.yaml", "      containers:\n", "      {{- if .Values.mine }}\n      hostNetwork: true\n      {{- end }}\n      containers:\n"},
	{".gitignore", "/bin/\n", "/bin/\n/mine/\n"},
	{".github/workflows/ci.yaml", "jobs:\n", "# Mine.\njobs:\n"},
}

// ownFile is beside the handler, which calls it.
var ownFile = files{"internal/service/hello/v1/greeting.go": `package hellov1

import "golang.org/x/sync/singleflight"

var once singleflight.Group

// greeting is mine.
func greeting(name string) string {
	text, _, _ := once.Do(name, func() (any, error) { return "Hello " + name, nil })
	return text.(string)
}
`}

// addDependency has the project require the module that its owner's file imports: svc itself requires it, so that it is on
// this machine. It returns the lines that are new in go.mod and go.sum.
func addDependency(t *testing.T, dir string) []string {
	t.Helper()
	require := linesWith(t, "../../go.mod", "golang.org/x/sync v")
	sums := linesWith(t, "../../go.sum", strings.TrimSpace(require[0]))
	edit(t, dir, "go.mod", "\tgoogle.golang.org/grpc v", require[0]+"\tgoogle.golang.org/grpc v")
	after := linesWith(t, filepath.Join(dir, "go.sum"), "golang.org/x/sys v")[0]
	edit(t, dir, "go.sum", after, strings.Join(sums, "")+after)
	return slices.Concat(require, sums)
}

func linesWith(t *testing.T, file, text string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := slices.DeleteFunc(slices.Collect(strings.Lines(string(content))), func(line string) bool { return !strings.Contains(line, text) })
	if len(found) == 0 {
		t.Fatalf("%s: no %s", file, text)
	}
	return found
}

// checkUpgraded takes the owner's edits back: what is left is the golden project, byte for byte, and so is the record in .svc.
// The manifest is as it was: svc generate does not write it.
func checkUpgraded(t *testing.T, got files, manifest string, dependency []string) {
	t.Helper()
	want := readTree(t, filepath.Join(goldens, "minimal"))
	want["svc.yaml"] = manifest
	takeBack := func(file, mine, was string) {
		if strings.Count(got[file], mine) != 1 {
			t.Errorf("%s does not hold once what its owner wrote:\n%s\n%s", file, mine, got[file])
		}
		got[file] = strings.Replace(got[file], mine, was, 1)
	}
	for _, e := range owners {
		takeBack(e.file, e.new, e.old)
	}
	takeBack("go.mod", dependency[0], "")
	for _, line := range dependency[1:] {
		takeBack("go.sum", line, "")
	}
	for name, content := range ownFile {
		takeBack(name, content, "")
		delete(got, name)
	}
	compare(t, got, want)
}

// checkWorks does with the project what its owner would.
func checkWorks(t *testing.T, dir string) {
	t.Helper()
	project := inProject(dir)
	project.run(t, "go", "mod", "tidy", "-diff")
	project.run(t, "go", "vet", "./...")
	project.run(t, "go", "test", "-count=1", "./...")
}

// writeGeneration writes a project that nobody has edited yet. What svc keeps of each file is the file itself, and is left out.
func writeGeneration(t *testing.T, name string, project files) {
	t.Helper()
	var archive txtar.Archive
	for _, file := range slices.Sorted(maps.Keys(project)) {
		if !strings.HasPrefix(file, lock.BasePath("")) {
			archive.Files = append(archive.Files, txtar.File{Name: file, Data: []byte(project[file])})
		}
	}
	if err := os.WriteFile(name, txtar.Format(&archive), 0o644); err != nil {
		t.Fatal(err)
	}
	compare(t, readGeneration(t, name), project)
}

func readGeneration(t *testing.T, name string) files {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	project := files{}
	for _, f := range archive.Files {
		project[f.Name] = string(f.Data)
	}
	record, err := lock.Parse([]byte(project[lock.Path]))
	if err != nil {
		t.Fatal(err)
	}
	for file, entry := range record.Files {
		if entry.Class != tree.Owned {
			project[lock.BasePath(file)] = project[file]
		}
	}
	return project
}
