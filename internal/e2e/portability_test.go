package e2e_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oddName is a folder's name that programs which split command lines, or think in ASCII, trip over.
const oddName = "Läden & Söhne – 店 it's 100%"

// TestOddPath makes a project from a contract in an odd folder, in another one, and follows the next steps there.
func TestOddPath(t *testing.T) {
	t.Parallel()
	binary := needBinary(t)
	work := filepath.Join(t.TempDir(), oddName)
	readTree(t, filepath.Join(goldens, "minimal", "api")).write(t, filepath.Join(work, "my contract"))
	out := command{dir: work}.run(t, binary, "new", "hello", "--dir", "the project/"+oddName, "--proto", "my contract",
		"--registry", "none", "--no-tidy")
	compare(t, readTree(t, filepath.Join(work, "the project", oddName)), readTree(t, filepath.Join(goldens, "minimal")))

	enter := enterStep(t, out)
	shell(t, work, enter+" && go build ./... && '"+binary+"' generate --check")
}

// enterStep is how to get into the project, according to the next steps that svc new prints.
func enterStep(t *testing.T, out string) string {
	t.Helper()
	_, steps, _ := strings.Cut(out, "Next:\n")
	enter, _, found := strings.Cut(steps, "  go test ./...\n")
	if !found || enter == "" {
		t.Fatalf("no next steps: %s", out)
	}
	return strings.ReplaceAll(strings.TrimSpace(enter), "\n  ", " && ")
}

// shell has the user's shell do what is written for it.
func shell(t *testing.T, dir, script string) {
	t.Helper()
	command{dir: dir, env: []string{"GOFLAGS=-trimpath"}}.run(t, "sh", "-c", script)
}

func needBinary(t *testing.T) string {
	t.Helper()
	binary, err := svcBinary()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// TestMajorVersion makes a project whose module path ends in a major version, after which neither the project nor the
// app nor the folder is called. That such a project builds is for the golden project legacy to show.
func TestMajorVersion(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	command{dir: work}.run(t, needBinary(t), "new", "--module", "example.com/acme/hello/v2", "--registry", "none", "--yes", "--no-tidy")
	got := readTree(t, filepath.Join(work, "hello"))
	if !strings.HasPrefix(got["go.mod"], "module example.com/acme/hello/v2\n") || got["cmd/hello/main.go"] == "" {
		t.Errorf("there is no app hello of the module: %s", slices.Sorted(maps.Keys(got)))
	}
	for name, content := range got {
		if strings.Count(content, "example.com/acme/hello") != strings.Count(content, "example.com/acme/hello/v2") {
			t.Errorf("%s has the module path without its version:\n%s", name, content)
		}
	}
}

// TestInRepository makes a project deep inside of somebody's repository, of a Go module even. Nothing else is touched.
func TestInRepository(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	files{
		".git/HEAD":                "ref: refs/heads/main\n",
		".git/objects/info/.keep":  "",
		".git/refs/heads/.keep":    "",
		".git/config":              "[core]\n\trepositoryformatversion = 0\n",
		".gitignore":               "*.log\n",
		".gitattributes":           "* text=auto\n",
		"go.mod":                   "module example.com/mono\n\ngo 1.26.0\n",
		"mono.go":                  "package mono\n",
		"Makefile":                 "all:\n",
		"services/svc.yaml":        "not: ours\n",
		"services/.svc/lock.json":  "not ours",
		"services/other/readme.md": "Other\n",
	}.write(t, top)
	before := readTree(t, top)
	dir := filepath.Join(top, "services", "hello")
	out := command{dir: filepath.Join(top, "services")}.run(t, needBinary(t), "new", "hello", "--registry", "none", "--yes")
	svc(t, "generate", "-C", dir)

	compare(t, readTree(t, dir), readTree(t, filepath.Join(goldens, "minimal")))
	after := readTree(t, top)
	maps.DeleteFunc(after, func(name, _ string) bool { return strings.HasPrefix(name, "services/hello/") })
	compare(t, after, before)
	enter := enterStep(t, out)
	shell(t, filepath.Join(top, "services"), enter+" && go build -buildvcs=auto ./...")
	if ignore := readFile(t, dir, ".svc/cache/.gitignore"); !strings.Contains(ignore, "\n*\n") {
		t.Errorf("git is not told to ignore .svc/cache: %q", ignore)
	}
}

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestInWorkspace makes a project inside of a Go workspace, which does not know it. svc works all the same; the go
// command does once the next steps have been followed.
func TestInWorkspace(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	files{
		"go.work":    "go 1.26.0\n\nuse ./lib\n",
		"lib/go.mod": "module example.com/lib\n\ngo 1.26.0\n",
		"lib/lib.go": "package lib\n",
	}.write(t, top)
	before := readTree(t, top)
	out := command{dir: top}.run(t, needBinary(t), "new", "hello", "--registry", "none", "--yes")
	dir := filepath.Join(top, "hello")
	svc(t, "generate", "-C", dir)
	compare(t, readTree(t, dir), readTree(t, filepath.Join(goldens, "minimal")))
	compare(t, readTree(t, top).below("go.work", "lib"), before)

	build := command{dir: dir, env: []string{"GOFLAGS="}}
	if _, err := build.try(t.Context(), "go", "build", "./..."); err == nil {
		t.Error("the project builds although the workspace does not list it: is this a workspace?")
	}
	enter := enterStep(t, out)
	if !strings.HasSuffix(enter, "go work use .") {
		t.Errorf("the next steps are %q, without go work use", enter)
	}
	shell(t, top, enter+" && go build ./...")
	svc(t, "generate", "-C", dir, "--check")
}

// TestDeterminism makes the shop again and again, in different circumstances.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	binary := needBinary(t)
	api, err := filepath.Abs(filepath.Join(goldens, "shop", "api"))
	if err != nil {
		t.Fatal(err)
	}
	protos := protoFlags(t, api)
	reversed := slices.Clone(protos)
	slices.Reverse(reversed)
	manifest := readTree(t, filepath.Join(goldens, "shop")).below("svc.yaml")
	tests := map[string]struct {
		env    []string
		umask  string
		protos []string
	}{
		"files in order":     {protos: protos},
		"files in reverse":   {protos: reversed},
		"the folder":         {protos: []string{"--proto=" + api}},
		"on Kiritimati":      {protos: protos, env: []string{"TZ=Pacific/Kiritimati"}},
		"in Turkish":         {protos: protos, env: []string{"LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8"}},
		"on one processor":   {protos: protos, env: []string{"GOMAXPROCS=1"}},
		"with a strict mask": {protos: protos, umask: "077"},
		"for another target": {protos: protos, env: []string{"GOOS=windows", "GOARCH=arm64", "GOFLAGS=-mod=mod"}},
	}
	want := readTree(t, filepath.Join(goldens, "shop"))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			run := func(args ...string) {
				t.Helper()
				script := `umask "$0" && exec "$@"`
				mask := test.umask
				if mask == "" {
					mask = "022"
				}
				command{dir: work, env: test.env}.run(t, "sh", append([]string{"-c", script, mask, binary}, args...)...)
			}
			args := append([]string{"new", "--yes", "--no-tidy", "-I", api}, test.protos...)
			run(append(args, slices.DeleteFunc(slices.Clone(goldenProjects["shop"].new), isContract)...)...)
			manifest.write(t, filepath.Join(work, "shop"))
			run("generate", "--project", "shop")
			compare(t, readTree(t, filepath.Join(work, "shop")), want)
		})
	}
}

func isContract(arg string) bool { return arg == "--proto" || arg == "{api}" }

func protoFlags(t *testing.T, api string) []string {
	t.Helper()
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(readTree(t, api))) {
		flags = append(flags, "--proto="+filepath.Join(api, filepath.FromSlash(name)))
	}
	return flags
}
