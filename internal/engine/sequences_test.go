package engine

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/templates"
)

var (
	sequences = flag.Int("sequences", 200, "how many random sequences of edits, changes and generations to run")
	seed      = flag.Uint64("seed", 1, "the first of them")
	builds    = flag.Int("builds", 0, "build the project at the end of each so many sequences; 0 builds none")
)

// TestSequences runs random sequences of what may happen to a project: its owner edits any file, the contract changes, so
// does svc.yaml, and a new svc has other templates. After each generation
//   - every line that the owner wrote is in the project;
//   - what is left to the owner is reported, and everything else is in order: Go parses, YAML loads, nothing is declared twice;
//   - another generation has nothing to do.
//
// A long run is go test ./internal/engine -run TestSequences -sequences 10000 -builds 500.
func TestSequences(t *testing.T) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	counts := make([]counters, *sequences)
	for i := range *sequences {
		g.Go(func() error {
			s := newSequence(t, *seed+uint64(i))
			err := s.run()
			if err == nil && *builds > 0 && i%*builds == 0 {
				err = s.build()
			}
			if err != nil {
				t.Errorf("-seed %d -sequences 1: %v\n%s", *seed+uint64(i), err, strings.Join(s.log, "\n"))
				return nil // the others tell more
			}
			counts[i] = s.counters
			return os.RemoveAll(s.dir)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	var all counters
	for _, c := range counts {
		all.generations += c.generations
		all.merges += c.merges
		all.conflicts += c.conflicts
		all.lines += c.lines
	}
	t.Logf("%d sequences: %d generations, %d merged files, %d conflicts, %d lines of owners", *sequences, all.generations, all.merges, all.conflicts, all.lines)
}

type counters struct{ generations, merges, conflicts, lines int }

// sequence is one project and what happens to it.
type sequence struct {
	counters
	dir      string
	rand     *rand.Rand
	contract *randomContract
	layers   map[string]bool
	registry string
	release  int                   // of svc's templates
	readings map[[2]string]reading // by name and content
	written  map[string]string     // lines of the owner's, and the file that each was written to
	log      []string              // what happened, to be read after a failure
}

func newSequence(t *testing.T, seed uint64) *sequence {
	r := rand.New(rand.NewPCG(seed, 0))
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return &sequence{
		dir: dir, readings: map[[2]string]reading{}, rand: r, contract: newRandomContract(r),
		layers: map[string]bool{"docker": false, "helm": false}, registry: "none", written: map[string]string{},
	}
}

func (s *sequence) run() error {
	if err := s.generate(); err != nil {
		return err
	}
	for range 3 + s.rand.IntN(5) {
		for range 1 + s.rand.IntN(4) {
			if err := s.happen(); err != nil {
				return err
			}
		}
		if err := s.generate(); err != nil {
			return err
		}
	}
	return nil
}

// happen makes one thing happen.
func (s *sequence) happen() error {
	switch n := s.rand.IntN(20); {
	case n < 9:
		return s.edit()
	case n < 16:
		s.log = append(s.log, s.contract.change(s.rand))
	case n < 17:
		layer := pick(s.rand, []string{"docker", "helm"})
		s.layers[layer] = !s.layers[layer]
		s.log = append(s.log, fmt.Sprintf("layer %s: %t", layer, s.layers[layer]))
	case n < 18:
		s.registry = pick(s.rand, []string{"etcd", "none"})
		s.log = append(s.log, "registry "+s.registry)
	default:
		s.release = s.rand.IntN(3)
		s.log = append(s.log, fmt.Sprintf("release %d of the templates", s.release))
	}
	return nil
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// inputs writes the contract and svc.yaml.
func (s *sequence) inputs() error {
	var layers []string
	for _, l := range []string{"docker", "helm"} {
		if s.layers[l] {
			layers = append(layers, l)
		}
	}
	files := s.contract.files()
	files["svc.yaml"] = fmt.Sprintf("version: 1\nname: shop\nmodule: example.com/shop\nproto: {roots: [api]}\nregistry: %s\nlayers: [%s]\napps:\n  - {name: shop, services: [\"*\"]}\n",
		s.registry, strings.Join(layers, ", "))
	if err := os.RemoveAll(filepath.Join(s.dir, "api")); err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate runs svc twice, and looks at what it left.
func (s *sequence) generate() error {
	s.generations++
	if err := s.inputs(); err != nil {
		return err
	}
	e, m, emission, err := s.emit()
	if err != nil {
		return err
	}
	planned := func() (*Result, error) { return e.Plan(s.dir, m, emission, Scope{Deletes: true}) }
	r, err := planned()
	if err != nil {
		return err
	}
	for _, a := range r.Plan.Actions {
		s.log = append(s.log, fmt.Sprintf("  %s %s (%s) %v", a.Kind, a.Path, a.Reason, a.Notes))
		if a.Kind == plan.Merge {
			s.merges++
		}
		if a.Kind == plan.Conflict {
			s.conflicts++
		}
	}
	project, err := apply.Open(s.dir)
	if err != nil {
		return err
	}
	defer project.Close()
	if err := project.Apply(r.Changes); err != nil {
		return err
	}
	again, err := planned()
	if err != nil {
		return err
	}
	if len(again.Changes) > 0 {
		return fmt.Errorf("another generation changes %s:\n%s", again.Changes[0].Path, again.Changes[0].Content)
	}
	if settled := again.Plan.Settled(); settled && again.Plan.Drift() {
		return fmt.Errorf("a check is not clean: %v", again.Plan.Actions)
	}
	return s.check()
}

// emit renders the project, but for its stubs.
func (s *sequence) emit() (*Engine, *manifest.Manifest, *Emission, error) {
	e := &Engine{Layers: released(templates.FS, s.release), Progress: func(string) {}}
	m, err := e.ReadManifest(s.dir)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := e.LoadContract(context.Background(), s.dir, m)
	if err != nil {
		return nil, nil, nil, err
	}
	emission, err := e.Emit(context.Background(), m, c, Present{}, false)
	return e, m, emission, err
}

// check looks for the owner's lines, and at what can be read of the project.
func (s *sequence) check() error {
	found := map[string]bool{}
	declared := map[string]string{}
	err := s.walk(func(path string, content []byte) error {
		read := s.read(path, content)
		if read.err != nil {
			return fmt.Errorf("%s: %w\n%s", path, read.err, content)
		}
		for _, token := range read.tokens {
			found[token] = true
		}
		for _, function := range read.functions {
			if other, ok := declared[function]; ok {
				return fmt.Errorf("%s is declared in %s and in %s", function, other, path)
			}
			declared[function] = path
		}
		return nil
	})
	if err != nil {
		return err
	}
	for token, path := range s.written {
		if !found[token] {
			return fmt.Errorf("the owner's line %s, written to %s, is lost", token, path)
		}
	}
	return nil
}

// walk goes over the owner's files: all but those that are svc's own.
func (s *sequence) walk(visit func(path string, content []byte) error) error {
	return filepath.WalkDir(s.dir, func(name string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.dir, name)
		rel = filepath.ToSlash(rel)
		if err != nil || rel == ".svc" || rel == "gen" || rel == "api" {
			if e != nil && e.IsDir() && err == nil {
				return fs.SkipDir
			}
			return err
		}
		if e.IsDir() || rel == "svc.yaml" {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return visit(rel, content)
	})
}

// build generates with stubs, and has the go command look at the result. What is left for the owner need not build.
func (s *sequence) build() error {
	r, err := (&Engine{Layers: released(templates.FS, s.release), Progress: func(string) {}}).Generate(context.Background(), s.dir, Options{})
	if err != nil {
		return err
	}
	if r.Plan.Conflicts() || slices.ContainsFunc(r.Plan.Actions, func(a plan.Action) bool { return a.Kind == plan.Orphan }) {
		return nil
	}
	cmd := exec.Command("go", "build", "-mod=mod", "-trimpath", "./...")
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s\n%s", err, out, strings.Join(s.log, "\n"))
	}
	return nil
}
