package protoload

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ownCache gives a test a cache folder for the stub plugins, and Go the ones that it has.
func ownCache(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOPATH", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	for key, value := range env {
		t.Setenv(key, value)
	}
	dir := t.TempDir()
	for _, key := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} { // what os.UserCacheDir looks at
		t.Setenv(key, dir)
	}
}

// module returns the go.mod, with lines added, and the go.sum of a project.
func module(t *testing.T, lines ...string) (goMod, goSum []byte) {
	t.Helper()
	project := filepath.Join("..", "..", "testdata", "golden", "minimal")
	goMod, err := os.ReadFile(filepath.Join(project, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if goSum, err = os.ReadFile(filepath.Join(project, "go.sum")); err != nil {
		t.Fatal(err)
	}
	return []byte(string(goMod) + strings.Join(lines, "\n") + "\n"), goSum
}

func TestPluginsAreBuiltOnce(t *testing.T) {
	ownCache(t)
	goMod, goSum := module(t)
	var said []string
	build := func() []Plugin {
		t.Helper()
		said = nil
		plugins, err := Plugins(t.Context(), goMod, goSum, func(step string) { said = append(said, step) })
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range plugins {
			if out, err := exec.CommandContext(t.Context(), p.Path, "--version").Output(); err != nil || !strings.HasPrefix(string(out), p.Name) {
				t.Errorf("%s: %q, %v", p.Path, out, err)
			}
		}
		return plugins
	}
	plugins := build()
	if len(said) != 1 || !strings.HasPrefix(said[0], "building protoc-gen-go ") {
		t.Errorf("the first run says %q", said)
	}
	if build(); said != nil {
		t.Errorf("the second run says %q", said)
	}
	for _, p := range plugins { // as what cleans a cache folder leaves it, and a disk that was full
		if err := os.Remove(p.Path); err != nil {
			t.Fatal(err)
		}
		build()
		if err := os.Truncate(p.Path, 0); err != nil {
			t.Fatal(err)
		}
		build()
	}
	entries, err := os.ReadDir(filepath.Dir(filepath.Dir(plugins[0].Path)))
	if err != nil || len(entries) != 1 {
		t.Errorf("the cache holds %v, %v", entries, err)
	}
}

func TestPluginsOfTwoRunsAtOnce(t *testing.T) {
	ownCache(t)
	goMod, goSum := module(t)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			plugins, err := Plugins(t.Context(), goMod, goSum, func(string) {})
			if err != nil {
				t.Error(err)
			}
			if i := slices.IndexFunc(plugins, func(p Plugin) bool { return !p.built() }); i >= 0 {
				t.Errorf("%s is not there", plugins[i].Path)
			}
		})
	}
	wg.Wait()
}

// A folder says nothing about what it holds, so that what was built from it may be out of date.
func TestPluginsOfALocalFolder(t *testing.T) {
	ownCache(t)
	for _, replace := range []string{
		"replace google.golang.org/protobuf => ../protobuf",
		"replace google.golang.org/grpc/cmd/protoc-gen-go-grpc v1.6.2 => /src/grpc",
	} {
		goMod, goSum := module(t, replace)
		_, err := Plugins(t.Context(), goMod, goSum, func(step string) { t.Errorf("%s: %s", replace, step) })
		path := replace[strings.LastIndexByte(replace, ' ')+1:]
		if err == nil || !strings.Contains(err.Error(), "go.mod replaces") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", replace, err)
		}
	}
	// What is of another version is of no concern, and neither is another module.
	goMod, goSum := module(t, "replace google.golang.org/protobuf v1.0.0 => ../protobuf", "replace example.com/other => ../other")
	if _, err := Plugins(t.Context(), goMod, goSum, func(string) {}); err != nil {
		t.Error(err)
	}
}

// What is built from a fork is not taken for the original.
func TestPluginsOfAFork(t *testing.T) {
	goMod, _ := module(t, "replace google.golang.org/protobuf => example.com/fork v1.0.0", "replace google.golang.org/protobuf v1.0.0 => example.com/old v1.0.0")
	mod, err := parseModule(goMod)
	if err != nil {
		t.Fatal(err)
	}
	version, pin, err := pinned(mod, "google.golang.org/protobuf")
	if want := "google.golang.org/protobuf@" + version + " => example.com/fork@v1.0.0"; err != nil || pin != want {
		t.Errorf("got %q, %v, want %q", pin, err, want)
	}
}
