// Command gen computes requirements.json from templates/versions: for each folder there, what `go mod tidy`
// leaves of the module when only that folder is in it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/svcgen/svc/internal/gomod"
)

const (
	versions = "../../templates/versions"
	output   = "requirements.json"
	tools    = "core" // the folder that carries the tool directives
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
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		if features[d.Name()], err = feature(d.Name()); err != nil {
			return fmt.Errorf("%s: %w", d.Name(), err)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(features); err != nil {
		return err
	}
	return os.WriteFile(output, b.Bytes(), 0o644)
}

// feature tidies a copy of the module that holds one folder.
func feature(name string) (f gomod.Feature, err error) {
	work, err := os.MkdirTemp("", "svc-versions-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.CopyFS(filepath.Join(work, name), os.DirFS(filepath.Join(versions, name))); err != nil {
		return f, err
	}
	if err := copyMod(work, name == tools); err != nil {
		return f, err
	}
	cmd := exec.Command("go", "mod", "tidy")
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		return f, fmt.Errorf("go mod tidy: %w\n%s", err, out)
	}
	return read(work)
}

func copyMod(work string, keepTools bool) error {
	content, err := os.ReadFile(filepath.Join(versions, "go.mod"))
	if err != nil {
		return err
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return err
	}
	if !keepTools {
		for _, t := range mod.Tool {
			if err := mod.DropTool(t.Path); err != nil {
				return err
			}
		}
		mod.Cleanup()
	}
	if content, err = mod.Format(); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(versions, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(work, "go.mod"), content, 0o644),
		os.WriteFile(filepath.Join(work, "go.sum"), sum, 0o644),
	)
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
