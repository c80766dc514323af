package protoload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/tree"
)

// Plugin is a stub plugin that is ready to run.
type Plugin struct {
	Name    string // protoc-gen-go or protoc-gen-go-grpc
	Version string
	Path    string // of the binary

	suffix       string // of the file that it writes for a .proto
	servicesOnly bool   // it writes nothing for a file without a service
}

// stubPlugins are the packages of the plugins and the modules that say their version.
var stubPlugins = []struct {
	pkg, module  string
	suffix       string
	servicesOnly bool
}{
	{"google.golang.org/protobuf/cmd/protoc-gen-go", "google.golang.org/protobuf", ".pb.go", false},
	{"google.golang.org/grpc/cmd/protoc-gen-go-grpc", "google.golang.org/grpc/cmd/protoc-gen-go-grpc", "_grpc.pb.go", true},
}

// Plugins returns the stub plugins at the versions that a project's go.mod pins. They are built once per version
// with the Go toolchain and kept in the user's cache folder. progress is told when that takes a while.
func Plugins(ctx context.Context, goMod, goSum []byte, progress func(string)) ([]Plugin, error) {
	mod, err := parseModule(goMod)
	if err != nil {
		return nil, err
	}
	plugins := make([]Plugin, len(stubPlugins))
	pins := make([]string, len(stubPlugins))
	for i, s := range stubPlugins {
		v, pin, err := pinned(mod, s.module)
		if err != nil {
			return nil, err
		}
		if v == "" {
			return nil, fmt.Errorf("go.mod does not require %s: run go get -tool %s", s.module, s.pkg)
		}
		plugins[i] = Plugin{Name: path.Base(s.pkg), Version: v, suffix: s.suffix, servicesOnly: s.servicesOnly}
		pins[i] = pin
	}
	dir, err := pluginDir(pins)
	if err != nil {
		return nil, err
	}
	for i := range plugins {
		plugins[i].Path = filepath.Join(dir, plugins[i].Name+exeSuffix())
	}
	if allBuilt(plugins) {
		return plugins, nil
	}
	progress("building " + plugins[0].Name + " " + plugins[0].Version + " and " + plugins[1].Name + " " + plugins[1].Version)
	return plugins, buildPlugins(ctx, plugins, goMod, goSum)
}

// parseModule is strict, because modfile.ParseLax leaves out what is replaced.
func parseModule(goMod []byte) (*modfile.File, error) { return modfile.Parse("go.mod", goMod, nil) }

func allBuilt(plugins []Plugin) bool {
	return !slices.ContainsFunc(plugins, func(p Plugin) bool { return !p.built() })
}

// built reports whether the binary is there. An empty one is what a full disk or a power cut leaves.
func (p Plugin) built() bool {
	info, err := os.Stat(p.Path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// pinned returns a module's version, and that together with what replaces it. A folder can't: it changes, and the
// binaries that are kept would not.
func pinned(mod *modfile.File, module string) (version, pin string, err error) {
	for _, r := range mod.Require {
		if r.Mod.Path == module {
			version = r.Mod.Version
		}
	}
	pin = module + "@" + version
	for _, r := range mod.Replace {
		switch {
		case r.Old.Path != module || r.Old.Version != "" && r.Old.Version != version:
		case r.New.Version == "":
			return "", "", fmt.Errorf("go.mod replaces %s by the folder %s, which svc builds no stub plugin from: replace it by a version, or by none", module, r.New.Path)
		default:
			pin += " => " + r.New.Path + "@" + r.New.Version
		}
	}
	return version, pin, nil
}

// pluginDir is where the binaries of one set of versions are kept.
func pluginDir(pins []string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a cache folder for the stub plugins: %w", err)
	}
	return filepath.Join(cache, "svc", "plugins", tree.Sum([]byte(runtime.GOOS + "/" + runtime.GOARCH + "\n" + strings.Join(pins, "\n")))[:16]), nil
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// buildPlugins builds in a module of its own, so that neither the state of the project nor a workspace matters.
func buildPlugins(ctx context.Context, plugins []Plugin, goMod, goSum []byte) (err error) {
	dir := filepath.Dir(plugins[0].Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, diag.Left(work, os.RemoveAll(work))) }()
	err = errors.Join(
		os.WriteFile(filepath.Join(work, "go.mod"), goMod, 0o644),
		os.WriteFile(filepath.Join(work, "go.sum"), goSum, 0o644),
	)
	if err != nil {
		return err
	}
	args := []string{"build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", "bin" + string(filepath.Separator)}
	for _, s := range stubPlugins {
		args = append(args, s.pkg)
	}
	if err := goCommand(ctx, work, args...); err != nil {
		return fmt.Errorf("building the stub plugins: %w", err)
	}
	for _, p := range plugins {
		err := os.Rename(filepath.Join(work, "bin", filepath.Base(p.Path)), p.Path)
		if err != nil && !p.built() { // Windows replaces no binary that another run, which was faster, has started
			return err
		}
	}
	return nil
}

func goCommand(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it takes its temporary files away
	cmd.WaitDelay = time.Second                                           // what it started may hold on to its output
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the Go toolchain is needed, and there is no go command in PATH")
	}
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(out.String()))
	}
	return nil
}
