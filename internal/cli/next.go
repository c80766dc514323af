package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/ui"
)

// tidy runs go mod tidy and tells which modules it downloads.
func tidy(ctx context.Context, io *ui.IO, dir string) error {
	io.Progress("go mod tidy")
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "go: downloading ") {
			io.Progress(strings.TrimPrefix(lines.Text(), "go: "))
			continue
		}
		said.WriteString(lines.Text() + "\n")
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go mod tidy: %w\n%s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// report says what was made and what to do next.
func (o *newOptions) report(io *ui.IO, r *engine.Result, s engine.Scaffold) error {
	for _, w := range r.Warnings {
		fmt.Fprintf(io.Err, "warning: %s: %s: %s\n", w.Pos, w.Message, w.Hint)
	}
	services := len(s.Contract.Services())
	fmt.Fprintf(io.Out, "Made %s: %s, %s, %s.\n\n", o.dir, plural(len(s.Manifest.Apps), "app"), plural(services, "service"), plural(len(r.Plan.Actions), "file"))
	app := s.Manifest.Apps[0].Name
	_, err := fmt.Fprintf(io.Out, "Next:\n  cd %s%s\n  go test ./...\n  go run ./cmd/%s   # serves on :9090, until Ctrl-C\n\nAfter a change in %s or svc.yaml: svc generate\n",
		quoted(o.dir), joinWorkspace(o.dir), app, contractPlace(s.Manifest.Proto))
	return err
}

func contractPlace(p manifest.Proto) string {
	if p.DescriptorSet != "" {
		return p.DescriptorSet
	}
	return strings.Join(p.Roots, ", ") + "/"
}

// joinWorkspace is what makes a project inside a Go workspace build: the workspace has to list it.
func joinWorkspace(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil || os.Getenv("GOWORK") == "off" {
		return ""
	}
	for d := filepath.Dir(abs); ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.work")); err == nil {
			return " && go work use ."
		} else if !errors.Is(err, os.ErrNotExist) || d == filepath.Dir(d) {
			return ""
		}
	}
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
