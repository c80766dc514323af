package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/ui"
)

// tidy runs go mod tidy and tells which modules it downloads.
func tidy(ctx context.Context, io *ui.IO, dir string) error {
	io.Progress("go mod tidy")
	said := &goOutput{progress: io.Progress}
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	cmd.Stderr = said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go takes its temporary files away
	cmd.WaitDelay = time.Second                                           // a git that outlives an interrupted go has its standard error
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("go mod tidy: there is no go command in PATH: install Go, or use --no-tidy")
	}
	if err != nil {
		return fmt.Errorf("go mod tidy: %w\n%s", err, strings.TrimSpace(said.rest.String()+string(said.line)))
	}
	return nil
}

// goOutput tells of the downloads that a go command reports and keeps the rest of what it says.
type goOutput struct {
	progress func(string)
	line     []byte
	rest     strings.Builder
}

// Write takes lines in any pieces.
func (g *goOutput) Write(p []byte) (int, error) {
	g.line = append(g.line, p...)
	for {
		line, after, complete := bytes.Cut(g.line, []byte("\n"))
		if !complete {
			return len(p), nil
		}
		g.line = after
		if download, ok := strings.CutPrefix(string(line), "go: downloading "); ok {
			g.progress("downloading " + download)
			continue
		}
		g.rest.Write(line)
		g.rest.WriteByte('\n')
	}
}

// report says what was made and what to do next.
func (o *newOptions) report(io *ui.IO, r *engine.Result, s engine.Scaffold) error {
	warn(io, r.Warnings)
	services := len(s.Contract.Services())
	fmt.Fprintf(io.Out, "Made %s: %s, %s, %s.\n\n", o.dir, plural(len(s.Manifest.Apps), "app"), plural(services, "service"), plural(len(r.Plan.Actions), "file"))
	app := s.Manifest.Apps[0].Name
	_, err := fmt.Fprintf(io.Out, "Next:\n%s  go test ./...\n  go run ./cmd/%s   # serves on :9090, until Ctrl-C\n\nAfter a change in %s or svc.yaml: svc generate\n",
		enter(o.dir), app, contractPlace(s.Manifest.Proto))
	return err
}

func contractPlace(p manifest.Proto) string {
	if p.DescriptorSet != "" {
		return p.DescriptorSet
	}
	return strings.Join(p.Roots, "/, ") + "/"
}

// enter is the step into the project. A Go workspace that the project is in has to list it before it builds there.
func enter(dir string) string {
	var steps string
	if filepath.Clean(dir) != "." {
		steps = fmt.Sprintf("  cd %s\n", quoted(dir))
	}
	if inWorkspace(dir) {
		steps += "  go work use .\n"
	}
	return steps
}

func inWorkspace(dir string) bool {
	if env := os.Getenv("GOWORK"); env != "" {
		return env != "off"
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for d := abs; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(d), "go.work")); err == nil {
			return true
		}
	}
	return false
}

// quoted writes a path for a shell.
func quoted(p string) string {
	plain := func(r rune) bool {
		return r != '/' && r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if p != "" && !strings.ContainsFunc(p, plain) {
		return p
	}
	return "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
}
