// Package internal_test keeps dependencies pointing one way.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/svcgen/svc/"

// rule is what a package may import.
type rule struct {
	name    string
	imports string // of this module; every package may import those without a rule of their own, none here
	world   bool   // it may touch the world: files, processes, the network, the clock
}

// rules are the packages, each above what it imports. Only what is at the ends touches the world.
var rules = []rule{
	{"cmd/svc", "internal/cli", true},
	{"protoc-gen-svc", "internal/plugin", true},
	{"internal/cli", "templates internal/ui internal/engine internal/splice internal/protoload internal/render internal/plan internal/manifest internal/diag internal/watch", true},
	{"internal/plugin", "templates internal/engine internal/lock internal/protoload internal/manifest internal/diag", true},
	{"internal/engine", "internal/apply internal/godecl internal/gomod internal/handlers internal/merge internal/plan internal/rename internal/render internal/lock internal/protoload internal/model internal/manifest internal/tree internal/diag", true},
	{"internal/apply", "internal/tree", true},
	{"internal/merge", "internal/plan internal/godecl internal/gomod internal/merge3", false},
	{"internal/plan", "internal/godecl internal/lock internal/tree", false},
	{"internal/lock", "internal/tree", false},
	{"internal/handlers", "internal/godecl", false},
	{"internal/godecl", "internal/merge3", false},
	{"internal/rename", "", false},
	{"internal/merge3", "", false},
	{"internal/splice", "", false},
	{"internal/gomod", "internal/model internal/tree", false},
	{"internal/gomod/gen", "internal/gomod", true},
	{"internal/render", "internal/model internal/manifest internal/tree internal/diag", false},
	{"internal/protoload", "internal/tree internal/diag", true},
	{"internal/model", "internal/manifest internal/tree internal/diag", false},
	{"internal/manifest", "internal/diag", false},
	{"internal/tree", "", false},
	{"internal/diag", "", false},
	{"internal/ui", "", true},
	{"internal/watch", "", true},
	{"internal/scratch", "", true},
	{"templates", "", false},
	{"bench", "", true},
	{"bench/measure", "bench", true},
	{"internal/e2e", "", false}, // tests only, whose imports are not looked at
}

// world are the standard library's ways out. Paths and file systems that are handed in are none.
var world = []string{"os", "os/exec", "os/signal", "os/user", "net", "net/http", "path/filepath", "syscall", "time", "math/rand", "math/rand/v2", "crypto/rand"}

// frontends may be imported by one package each, whatever the rules say.
var frontends = map[string]string{
	"github.com/AlecAivazis/survey/v2": "internal/ui",
	"github.com/spf13/cobra":           "internal/cli",
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestImports holds every package to its rule.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
		if i < 0 {
			t.Errorf("%s has no rule", name)
			continue
		}
		seen[name] = true
		rules[i].check(t, p.Imports)
	}
	for _, r := range rules {
		if !seen[r.name] {
			t.Errorf("the rule of %s is of no package", r.name)
		}
	}
}

func (r rule) check(t *testing.T, imports []string) {
	t.Helper()
	allowed := strings.Fields(r.imports)
	for _, path := range imports {
		own, inModule := strings.CutPrefix(path, module)
		switch {
		case inModule && !slices.Contains(allowed, own):
			t.Errorf("%s must not import %s", r.name, own)
		case !r.world && slices.Contains(world, path):
			t.Errorf("%s must not touch the world, but imports %s", r.name, path)
		case frontends[path] != "" && frontends[path] != r.name:
			t.Errorf("%s must not import %s, only %s may", r.name, path, frontends[path])
		}
		allowed = slices.DeleteFunc(allowed, func(a string) bool { return a == own })
	}
	for _, unused := range allowed {
		t.Errorf("%s does not import %s: take it out of its rule", r.name, unused)
	}
}

// TestRulesPointDown proves that the rules alone leave no way back up.
func TestRulesPointDown(t *testing.T) {
	below := map[string]bool{}
	for range rules { // a pass settles at least one rule, or there is a cycle
		for _, r := range rules {
			settled := !slices.ContainsFunc(strings.Fields(r.imports), func(p string) bool { return !below[p] })
			below[r.name] = below[r.name] || settled
		}
	}
	for _, r := range rules {
		if !below[r.name] {
			t.Errorf("%s is part of a cycle, or allowed to import a package without a rule", r.name)
		}
	}
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, module) && p.ImportPath != module+"internal" {
			all = append(all, p)
		}
	}
}
