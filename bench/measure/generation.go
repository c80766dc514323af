package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/svcgen/svc/bench"
)

// bed is where things are measured.
type bed struct {
	dir, svc string
}

// project is a project to generate, and a folder for what the floor writes. Each round has a project of its own: on a
// file system that was made to forget thousands of files a moment ago, making new ones is slow for a while.
type project struct {
	dir, out string
	plugins  string // the folder of the stub plugins that svc built: the floor uses the same
	size     bench.Size
}

// step is one thing to measure: prepare is not timed.
type step struct {
	name    string
	limit   float64
	prepare func(p *project) error
	command func(p *project) *exec.Cmd
	memory  bool
}

// memoryRounds are enough: the highest of them counts.
const memoryRounds = 3

func (b bed) generation(s bench.Size, rounds int) error {
	first, err := b.first(s)
	if err != nil {
		return err
	}
	generate := func(p *project) *exec.Cmd { return exec.Command(b.svc, "generate", "-C", p.dir) }
	steps := []step{
		{"floor", 0, (*project).makeOut, (*project).floor, false},
		{"svc generate, from svc.yaml and the contract only", s.Whole, first.plant, generate, false},
		{"svc generate, all rendered again", s.Whole, (*project).forget, generate, false},
		{"svc generate, an rpc added, every handler edited", s.Change, (*project).change, generate, false},
		{"svc generate, nothing changed", s.Nothing, nothing, generate, false},
		{"floor, memory", 0, (*project).makeOut, (*project).floor, true},
		{"svc generate, memory", 0, first.plant, generate, true},
	}
	all := make([]series, len(steps))
	for round := range rounds {
		for i, st := range steps {
			if st.memory && round >= memoryRounds {
				continue
			}
			p := *first
			p.dir, p.out = fmt.Sprintf("%s-%d-%t", first.dir, round, st.memory), fmt.Sprintf("%s-%d-%t", first.out, round, st.memory)
			if err := st.prepare(&p); err != nil {
				return err
			}
			c, err := measure(st.command(&p), st.memory)
			if err != nil {
				return err
			}
			all[i] = append(all[i], c)
		}
	}
	fmt.Printf("\n%s, %d rounds\n\n| | median | least | of the floor | limit | memory |\n| --- | --- | --- | --- | --- | --- |\n", s.Name, rounds)
	for i, st := range steps {
		row(st.name, all[i], all[0], st.limit)
	}
	return nil
}

// first makes the project that those of the rounds are copies of, with svc new.
func (b bed) first(s bench.Size) (*project, error) {
	contract := filepath.Join(b.dir, s.Name+"-contract")
	if err := s.Write(contract); err != nil {
		return nil, err
	}
	p := &project{dir: filepath.Join(b.dir, s.Name), out: filepath.Join(b.dir, s.Name+"-out"), size: s}
	if err := combined(exec.Command(b.svc, "new", "bench", "-y", "--no-tidy", "--module", bench.Module, "--proto", contract, "--dir", p.dir)); err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "svc/plugins/*/protoc-gen-go"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("want one set of stub plugins below XDG_CACHE_HOME, got %v", found)
	}
	p.plugins = filepath.Dir(found[0])
	return p, nil
}

func combined(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// floor is what anyone who has a contract runs: protoc with both plugins.
func (p *project) floor() *exec.Cmd {
	api := filepath.Join(filepath.Dir(p.dir), p.size.Name, "api")
	args := []string{"-I", api}
	for _, plugin := range []string{"go", "go-grpc"} {
		args = append(args,
			"--plugin="+filepath.Join(p.plugins, "protoc-gen-"+plugin),
			"--"+plugin+"_out="+p.out, "--"+plugin+"_opt=module="+bench.Module)
	}
	protos, _ := filepath.Glob(filepath.Join(api, "*.proto")) // the pattern is well-formed
	return exec.Command("protoc", append(args, protos...)...)
}

func (p *project) makeOut() error { return os.Mkdir(p.out, 0o755) }

// plant makes to of what the project's owner writes: svc.yaml and the contract.
func (p *project) plant(to *project) error {
	content, err := os.ReadFile(filepath.Join(p.dir, "svc.yaml"))
	if err != nil {
		return err
	}
	return errors.Join(
		p.size.Write(filepath.Join(to.dir, "api")),
		os.WriteFile(filepath.Join(to.dir, "svc.yaml"), content, 0o644),
	)
}

// forget takes away what tells svc that nothing has changed.
func (p *project) forget() error {
	return os.RemoveAll(filepath.Join(p.dir, ".svc", "cache"))
}

// change has the owner edit every handler, and adds an rpc to the first service.
func (p *project) change() error {
	if err := p.edit(); err != nil {
		return err
	}
	protos, err := filepath.Glob(filepath.Join(p.dir, "api", "*.proto"))
	if err != nil {
		return err
	}
	content, err := os.ReadFile(protos[0])
	if err != nil {
		return err
	}
	before, service, _ := strings.Cut(string(content), "\nservice ")
	name, after, _ := strings.Cut(service, " {\n")
	changed := before + "\nservice " + name + " {\n  rpc Extra (ExtraRequest) returns (ExtraReply);\n" + after + "\nmessage ExtraRequest {}\n\nmessage ExtraReply {}\n"
	return os.WriteFile(protos[0], []byte(changed), 0o644)
}

func nothing(*project) error { return nil }

// edit has the owner implement a method of every handler.
func (p *project) edit() error {
	return filepath.WalkDir(filepath.Join(p.dir, "internal", "service"), func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		edited := strings.Replace(string(content), "\treturn nil, status.Error(", "\t_ = req // the owner's\n\treturn nil, status.Error(", 1)
		return os.WriteFile(name, []byte(edited), 0o644)
	})
}
