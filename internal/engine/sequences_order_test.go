package engine

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// aChange is one that does not depend on the others of its list.
type aChange struct {
	name string
	make func(s *sequence)
}

// changes are about different rpcs, services and concerns.
var independent = []aChange{
	{"a layer", func(s *sequence) { s.layers["docker"] = !s.layers["docker"] }},
	{"the registry", func(s *sequence) { s.registry = "etcd" }},
	{"the templates", func(s *sequence) { s.release = 2 }},
	{"an rpc added", func(s *sequence) {
		svc := s.contract.services[0]
		svc.rpcs = append(svc.rpcs, &randomRPC{name: "Added", in: "Answer", out: "Ask"})
	}},
	{"an rpc renamed", func(s *sequence) { s.contract.services[0].rpcs[0].name = "Renamed" }},
	{"a type changed", func(s *sequence) { s.contract.services[0].rpcs[0].out = "Changed" }},
	{"a message added", func(s *sequence) { s.contract.messages = append(s.contract.messages, "Changed") }},
	{"a comment", func(s *sequence) { s.contract.services[0].rpcs[0].doc = "It says more." }},
	{"a service renamed", func(s *sequence) { s.contract.services[1].name = "Other" }},
	{"a service added", func(s *sequence) {
		s.contract.services = append(s.contract.services, &randomService{pkg: "q", name: "Third", rpcs: []*randomRPC{{name: "Do", in: "Ask", out: "Answer"}}})
	}},
}

// dependent are pairs of changes that are about the same thing.
var dependent = map[string]bool{
	"an rpc renamed and a type changed":  true, // at once, nothing says that it is the same rpc
	"a type changed and a message added": true, // the type is the message
}

// TestOrder makes two independent changes of an edited project in either order, and at once: the project is the same.
func TestOrder(t *testing.T) {
	for i, a := range independent {
		for _, b := range independent[i+1:] {
			if dependent[a.name+" and "+b.name] {
				continue
			}
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				t.Parallel()
				one, other, both := after(t, a, b, true), after(t, b, a, true), after(t, a, b, false)
				compareTrees(t, "the other order", one, other)
				compareTrees(t, "at once", one, both)
			})
		}
	}
}

// after makes a project, has its owner edit it, and makes two changes, with a generation in between or without.
func after(t *testing.T, first, second aChange, between bool) map[string]string {
	t.Helper()
	s := newSequence(t, 5)
	s.contract = &randomContract{messages: []string{"Ask", "Answer"}, services: []*randomService{
		{pkg: "p.v1", name: "First", rpcs: []*randomRPC{{name: "Get", in: "Ask", out: "Answer"}, {name: "List", in: "Ask", out: "Answer"}}},
		{pkg: "p.v1", name: "Second", rpcs: []*randomRPC{{name: "Put", in: "Ask", out: "Answer"}}},
	}}
	if first.name == "a type changed" || second.name == "a type changed" {
		s.contract.messages = append(s.contract.messages, "Changed")
	}
	steps := []func(){func() {}, func() { first.make(s) }, func() { second.make(s) }}
	if !between {
		steps = []func(){func() {}, func() { first.make(s); second.make(s) }}
	}
	for i, step := range steps {
		step()
		if err := s.generate(); err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(s.log, "\n"))
		}
		if i == 0 {
			s.implement(t)
		}
	}
	return s.tree(t)
}

// implement edits what the changes will be about.
func (s *sequence) implement(t *testing.T) {
	t.Helper()
	for name, edit := range map[string][2]string{
		"internal/service/p/v1/first.go":  {"\treturn nil, status", "\t_ = \"mine\"\n\treturn nil, status"},
		"internal/service/p/v1/second.go": {"\treturn nil, status", "\t_ = \"mine\"\n\treturn nil, status"},
		"Makefile":                        {".PHONY: clean\n", "# mine\n.PHONY: clean\n"},
		"README.md":                       {"\n## Test", "\nMine.\n\n## Test"},
		"cmd/shop/main.go":                {"func main() {\n", "func main() {\n\t// mine\n"},
	} {
		file := filepath.Join(s.dir, filepath.FromSlash(name))
		content, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(content), edit[0]) {
			t.Fatalf("%s does not hold %q: %v", name, edit[0], err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(content), edit[0], edit[1], 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tree is the project, with what svc has recorded.
func (s *sequence) tree(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(s.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == "cache" {
				return fs.SkipDir
			}
			return nil
		}
		content, err := os.ReadFile(name)
		rel, _ := filepath.Rel(s.dir, name)
		files[filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func compareTrees(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for name, content := range want {
		if other, ok := got[name]; !ok || other != content {
			t.Errorf("%s: %s differs:\n%s", what, name, diffOf(content, other))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s is there as well", what, name)
		}
	}
}

func diffOf(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d: %q\n%q", i+1, as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(as), len(bs))
}
