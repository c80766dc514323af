// Package e2e_test tests svc as a whole: what it emits is compared, built, tested and run.
package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/cli"
	"github.com/svcgen/svc/internal/scratch"
	"github.com/svcgen/svc/internal/ui"
)

// svc runs svc inside of this process, which must succeed, and returns what it printed on standard output.
func svc(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), &ui.IO{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, args)
	if code != 0 {
		t.Fatalf("svc %s: exit code %d\n%s%s", strings.Join(args, " "), code, &stdout, &stderr)
	}
	return stdout.String()
}

// svcBinary is svc as a binary, for what depends on the process: its folder, environment and umask.
var svcBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "svc-e2e-")
	if err != nil {
		return "", err
	}
	binaries = dir
	path := filepath.Join(dir, "svc.exe") // Windows asks for the extension, and nobody else minds
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/svc").CombinedOutput()
	if err != nil {
		return "", &commandError{"go build ./cmd/svc", err, out}
	}
	return path, nil
})

// binaries is the folder to remove in the end.
var binaries string

func TestMain(m *testing.M) {
	if config := os.Getenv(etcdConfig); config != "" {
		os.Exit(runEtcd(config))
	}
	scratch.InMemory()
	code := m.Run()
	if binaries != "" {
		os.RemoveAll(binaries)
	}
	os.Exit(code)
}

type commandError struct {
	command string
	err     error
	output  []byte
}

func (e *commandError) Error() string {
	return e.command + ": " + e.err.Error() + "\n" + string(e.output)
}

// command is a program to be run in a folder.
type command struct {
	dir string
	env []string // on top of the environment
}

// run runs a program, which must succeed, and returns its standard output.
func (c command) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := c.try(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c command) try(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := slices.Concat(stdout.Bytes(), stderr.Bytes())
		return "", &commandError{"in " + c.dir + ": " + strings.Join(cmd.Args, " "), err, said}
	}
	return stdout.String(), nil
}

// inProject runs the go command in a project that is no part of any workspace. With -trimpath, projects in different
// folders share in the cache what they have in common, and so do two runs of a test.
func inProject(dir string) command {
	return command{dir: dir, env: []string{"GOWORK=off", "GOFLAGS=-trimpath"}}
}

// files are the contents of a folder, by slash-separated path.
type files map[string]string

// readTree reads a project. What it keeps for one machine only is left out.
func readTree(t *testing.T, dir string) files {
	t.Helper()
	tree := files{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case name == apply.CacheDir:
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		tree[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// below returns the files below a folder, by the same paths.
func (f files) below(dirs ...string) files {
	out := files{}
	for name, content := range f {
		for _, dir := range dirs {
			if name == dir || strings.HasPrefix(name, dir+"/") {
				out[name] = content
			}
		}
	}
	return out
}

// replace returns the same files with a text in place of another.
func (f files) replace(old, new string) files {
	out := files{}
	for name, content := range f {
		out[name] = strings.ReplaceAll(content, old, new)
	}
	return out
}

func (f files) write(t *testing.T, dir string) {
	t.Helper()
	for name, content := range f {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := cmp.Or(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// compare fails the test unless both folders hold the same bytes.
func compare(t *testing.T, got, want files) {
	t.Helper()
	for name, content := range got {
		expected, ok := want[name]
		switch {
		case !ok:
			t.Errorf("%s: not expected", name)
		case content != expected:
			t.Errorf("%s differs:\n%s", name, diff(expected, content))
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s: missing", name)
		}
	}
}
