package e2e_test

import (
	"flag"
	"go/format"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
)

// update writes the golden projects anew: go test ./internal/e2e -run TestGolden -update
var update = flag.Bool("update", false, "write what svc emits to testdata/golden")

// goldens are whole projects as svc emits them. In each, api/ is the contract and svc.yaml the manifest: the input of
// svc generate, the rest being its output. All but the starter contract of minimal are written by hand.
const goldens = "../../testdata/golden"

// A golden comes out of svc new with these arguments, {api} standing for its own contract. Where its svc.yaml says what
// flags can't, svc.yaml is then put into place and svc generate run.
type golden struct {
	new    []string
	edited bool // svc.yaml, since, and generated again
	tested []string
}

var goldenProjects = map[string]golden{
	"minimal": {
		new: []string{"hello", "--registry", "none"}, tested: []string{"./internal/service/...", "./internal/platform/app", "./pkg/..."},
	},
	"legacy": {tested: []string{"./internal/service/..."}, new: []string{
		"billing", "--module", "example.com/billing/v2", "--registry", "etcd", "--without", "helm,docker", "--proto", "{api}",
	}},
	"depot": {edited: true, tested: []string{"./internal/platform/balancing", "./internal/platform/config", "./internal/platform/discovery", "./internal/platform/registry", "./pkg/..."}, new: []string{
		"depot", "--registry", "static", "--module", "example.com/depot", "--proto", "{api}", "--app", "parcels=Parcels", "--app", "routes=Routes",
	}},
	"quay":    {tested: []string{"./internal/platform/config", "./internal/platform/discovery", "./internal/platform/kubernetes", "./internal/platform/registry", "./pkg/..."}, new: []string{"quay", "--registry", "kubernetes"}},
	"harbour": {tested: []string{"./internal/platform/config", "./internal/platform/consul", "./internal/platform/discovery", "./internal/platform/registry", "./pkg/..."}, new: []string{"harbour", "--registry", "consul"}},
	"jetty":   {tested: []string{"./internal/platform/config", "./internal/platform/mdns", "./internal/platform/discovery", "./internal/platform/registry", "./pkg/..."}, new: []string{"jetty", "--registry", "mdns"}},
	"shop": {edited: true, tested: []string{"./..."}, new: []string{
		"shop", "--module", "github.com/acme/shop", "--registry", "etcd", "--proto", "{api}",
		"--app", "storefront=shop.catalog.v1.Catalog,shop.admin.v1.Catalog,Recommendation",
		"--app", "ordering=Cart,Checkout",
		"--app", "finance=Currency,Payment",
		"--app", "fulfilment=Email,Shipping",
	}},
}

// TestGolden compares what svc emits with testdata/golden, byte for byte.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, g := range goldenProjects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := readTree(t, filepath.Join(goldens, name))
			got := readTree(t, g.make(t, name, want))
			if *update {
				replaceTree(t, filepath.Join(goldens, name), got)
				return
			}
			compare(t, got, want)
		})
	}
}

// TestGenerateFromManifest makes the golden projects by svc generate, from nothing but svc.yaml and the contract.
func TestGenerateFromManifest(t *testing.T) {
	t.Parallel()
	for name := range goldenProjects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := readTree(t, filepath.Join(goldens, name))
			dir := t.TempDir()
			want.below("svc.yaml", "api").write(t, dir)
			svc(t, "generate", "-C", dir)
			compare(t, readTree(t, dir), want)
			if out := svc(t, "generate", "-C", dir, "--check"); out != "up to date\n" {
				t.Errorf("svc generate --check after svc generate: %s", out)
			}
		})
	}
}

func (g golden) make(t *testing.T, name string, golden files) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	args := []string{"new", "--yes", "--no-tidy", "--dir", dir}
	for _, arg := range g.new {
		args = append(args, strings.ReplaceAll(arg, "{api}", filepath.Join(goldens, name, "api")))
	}
	svc(t, args...)
	if g.edited {
		golden.below("svc.yaml").write(t, dir)
		svc(t, "generate", "-C", dir)
	}
	return dir
}

func replaceTree(t *testing.T, dir string, tree files) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	tree.write(t, dir)
}

// TestGoldenWorks does with the golden projects what their owners would: build, vet, test. Their modules are tidy and
// their Go files are formatted. What two of them have in common is tested in one.
func TestGoldenWorks(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(goldenProjects)) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(goldens, name)
			project := inProject(dir)
			for file, content := range readTree(t, dir) {
				if path.Ext(file) == ".go" {
					checkFormat(t, file, content)
				}
			}
			project.run(t, "go", "mod", "tidy", "-diff")
			project.run(t, "go", "build", "./...")
			project.run(t, "go", "vet", "./...")
			t.Log(project.run(t, "go", append(testCommand(t, project), goldenProjects[name].tested...)...))
		})
	}
}

// testCommand is go test -race where there is the C compiler that -race needs.
func testCommand(t *testing.T, project command) []string {
	t.Helper()
	if strings.TrimSpace(project.run(t, "go", "env", "CGO_ENABLED")) == "1" {
		return []string{"test", "-race"}
	}
	t.Log("no C compiler: tested without -race")
	return []string{"test"}
}

func checkFormat(t *testing.T, name, content string) {
	t.Helper()
	formatted, err := format.Source([]byte(content))
	if err != nil || string(formatted) != content {
		t.Errorf("%s: not as gofmt has it: %v\n%s", name, err, diff(content, string(formatted)))
	}
}

func diff(want, got string) string { return udiff.Unified("want", "got", want, got) }

var (
	settingKey = regexp.MustCompile(`(?m)^\t\t\{"([a-z_.]+)", `)
	readmeKey  = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| ")
)

// TestReadmeKeys checks that a project's README lists every key that --help does, used or not.
func TestReadmeKeys(t *testing.T) {
	t.Parallel()
	for name := range goldenProjects {
		tree := readTree(t, filepath.Join(goldens, name))
		_, readme, _ := strings.Cut(tree["README.md"], "\n## Configure\n")
		want := submatches(settingKey, tree["internal/platform/config/settings.go"])
		if got := submatches(readmeKey, readme); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: README has\n%q, --help\n%q", name, got, want)
		}
	}
}

func submatches(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found
}

// TestGitIgnore checks that git takes all that svc emits, and leaves out what is of one machine: what svc has set aside
// there, and what is built.
func TestGitIgnore(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	dir := t.TempDir()
	want := readTree(t, filepath.Join(goldens, "shop"))
	want.write(t, dir)
	files{
		".svc/conflicts/internal/service/deps.go.base": "", ".svc/edited/gen/wire/finance/wire.go.01234567": "", "bin/storefront": "", "cover.out": "",
	}.write(t, dir)
	git := command{dir: dir, env: []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1"}}
	git.run(t, "git", "init", "--quiet")
	out := git.run(t, "git", "ls-files", "--others", "--exclude-standard", "-z")
	got := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	slices.Sort(got)
	if want := slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
		t.Errorf("git takes what is not svc's, or not all that is:\n%s", diff(strings.Join(want, "\n"), strings.Join(got, "\n")))
	}
}
