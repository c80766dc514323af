// Command gen computes requirements.json from templates/versions: for each folder there, what it adds to the module
// that `go mod tidy` leaves of core. Tidied alone, a folder would need requirements that core makes superfluous.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/svcgen/svc/internal/gomod"
)

const (
	versions = "../../templates/versions"
	output   = "requirements.json"
	core     = "core" // the folder that is part of every project, and carries the tool directives
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dirs, err := os.ReadDir(versions)
	if err != nil {
		return err
	}
	features := map[string]gomod.Feature{}
	if features[core], err = tidied(core); err != nil {
		return err
	}
	for _, d := range dirs {
		if !d.IsDir() || d.Name() == core {
			continue
		}
		both, err := tidied(core, d.Name())
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name(), err)
		}
		features[d.Name()] = added(both, features[core])
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(features); err != nil {
		return err
	}
	return os.WriteFile(output, b.Bytes(), 0o644)
}

// added is what a feature has more than another.
func added(f, than gomod.Feature) gomod.Feature {
	return gomod.Feature{
		Direct:   without(f.Direct, than.Direct),
		Indirect: without(f.Indirect, slices.Concat(than.Indirect, than.Direct)),
		Sum:      without(f.Sum, than.Sum),
	}
}

func without[T comparable](list, other []T) []T {
	return slices.DeleteFunc(list, func(v T) bool { return slices.Contains(other, v) })
}

// tidied tidies a copy of the module that holds some folders.
func tidied(names ...string) (f gomod.Feature, err error) {
	work, err := os.MkdirTemp("", "svc-versions-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	for _, name := range names {
		if err := os.CopyFS(filepath.Join(work, name), os.DirFS(filepath.Join(versions, name))); err != nil {
			return f, err
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(versions, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(work, name), content, 0o644)
		}
		if err != nil {
			return f, err
		}
	}
	cmd := exec.Command("go", "mod", "tidy")
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		return f, fmt.Errorf("go mod tidy: %w\n%s", err, out)
	}
	return read(work)
}

func read(work string) (f gomod.Feature, err error) {
	content, err := os.ReadFile(filepath.Join(work, "go.mod"))
	if err != nil {
		return f, err
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return f, err
	}
	for _, r := range mod.Require {
		if r.Indirect {
			f.Indirect = append(f.Indirect, r.Mod)
		} else {
			f.Direct = append(f.Direct, r.Mod)
		}
	}
	for _, t := range mod.Tool {
		f.Tools = append(f.Tools, t.Path)
	}
	sum, err := os.ReadFile(filepath.Join(work, "go.sum"))
	f.Sum = strings.Split(strings.TrimSpace(string(sum)), "\n")
	return f, err
}
