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

// project is a project to generate, and a folder for what the floor writes.
type project struct {
	dir, out string
	plugins  string // the folder of the stub plugins that svc built: the floor uses the same
	protos   []string
}

// step is one thing to measure: prepare is not timed.
type step struct {
	name    string
	limit   float64
	prepare func(round int) error
	command func() *exec.Cmd
	memory  bool
}

func (b bed) generation(s bench.Size, rounds int) error {
	p, err := b.project(s)
	if err != nil {
		return err
	}
	generate := func() *exec.Cmd { return exec.Command(b.svc, "generate", "-C", p.dir) }
	steps := []step{
		{"floor", 0, p.clearOut, p.floor, false},
		{"svc generate, nothing but svc.yaml and the contract", s.Whole, p.strip, generate, false},
		{"svc generate, all read and rendered again", s.Whole, p.forget, generate, false},
		{"svc generate, an rpc was added or removed", s.Whole, p.change, generate, false},
		{"svc generate, nothing changed", s.Nothing, nothing, generate, false},
		{"floor, memory", 0, p.clearOut, p.floor, true},
		{"svc generate, memory", 0, p.strip, generate, true},
	}
	all := make([]series, len(steps))
	for round := range rounds {
		for i, st := range steps {
			if st.memory && round >= 3 {
				continue
			}
			if err := st.prepare(round); err != nil {
				return err
			}
			c, err := measure(st.command(), st.memory)
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

// project makes a project of a contract, with svc new.
func (b bed) project(s bench.Size) (*project, error) {
	contract := filepath.Join(b.dir, s.Name+"-contract")
	if err := s.Write(contract); err != nil {
		return nil, err
	}
	p := &project{dir: filepath.Join(b.dir, s.Name), out: filepath.Join(b.dir, s.Name+"-out")}
	if err := combined(exec.Command(b.svc, "new", "bench", "-y", "--no-tidy", "--module", bench.Module, "--proto", contract, "--dir", p.dir)); err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "svc/plugins/*/protoc-gen-go"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("want one set of stub plugins below XDG_CACHE_HOME, got %v", found)
	}
	p.plugins = filepath.Dir(found[0])
	p.protos, err = filepath.Glob(filepath.Join(p.dir, "api/*.proto"))
	return p, err
}

func combined(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// floor is what anyone who has a contract runs: protoc with both plugins.
func (p *project) floor() *exec.Cmd {
	args := []string{"-I", filepath.Join(p.dir, "api")}
	for _, plugin := range []string{"go", "go-grpc"} {
		args = append(args,
			"--plugin="+filepath.Join(p.plugins, "protoc-gen-"+plugin),
			"--"+plugin+"_out="+p.out, "--"+plugin+"_opt=module="+bench.Module)
	}
	return exec.Command("protoc", append(args, p.protos...)...)
}

func (p *project) clearOut(int) error {
	return errors.Join(os.RemoveAll(p.out), os.Mkdir(p.out, 0o755))
}

// strip leaves svc.yaml and the contract.
func (p *project) strip(int) error {
	entries, err := os.ReadDir(p.dir)
	for _, e := range entries {
		if e.Name() != "svc.yaml" && e.Name() != "api" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.dir, e.Name())))
		}
	}
	return err
}

// forget takes away what tells svc that nothing has changed.
func (p *project) forget(int) error {
	return os.RemoveAll(filepath.Join(p.dir, ".svc", "cache"))
}

// change adds an rpc to the first service, and takes it away in the next round.
func (p *project) change(round int) error {
	content, err := os.ReadFile(p.protos[0])
	if err != nil {
		return err
	}
	const added = "\n  rpc Extra (ExtraRequest) returns (ExtraReply);\n"
	const types = "\nmessage ExtraRequest {}\n\nmessage ExtraReply {}\n"
	text := string(content)
	if round%2 == 1 {
		text = strings.Replace(strings.Replace(text, added, "", 1), types, "", 1)
	} else {
		i := strings.Index(text, "service ")
		i += strings.IndexByte(text[i:], '{') + 1
		text = text[:i] + added + text[i:] + types
	}
	return os.WriteFile(p.protos[0], []byte(text), 0o644)
}

func nothing(int) error { return nil }
