// Package engine is the pipeline from a manifest and a contract to a plan, and from a plan to the disk.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/pluginpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/gomod"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/render"
	"github.com/svcgen/svc/internal/tree"
)

// Engine generates projects from layers of templates.
type Engine struct {
	Layers fs.FS
	// Progress is told what takes a while.
	Progress func(string)
}

// ErrNoProject means that a folder holds no svc.yaml.
var ErrNoProject = errors.New("no " + manifest.FileName)

// FindProject returns the project that dir belongs to: the nearest folder, from dir upwards, with a manifest.
func FindProject(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%w: %s is not a folder", ErrNoProject, dir)
	}
	for d, up := dir, abs; ; d, up = filepath.Join(d, ".."), filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, manifest.FileName)); err == nil {
			return d, nil
		}
		if up == filepath.Dir(up) {
			return "", fmt.Errorf("%w in %s or above it: make a project with svc new, or name its folder with -C", ErrNoProject, abs)
		}
	}
}

// ReadManifest reads the manifest of the project in dir and checks it against the layers.
func (e *Engine) ReadManifest(dir string) (*manifest.Manifest, error) {
	content, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	return e.ParseManifest(manifest.FileName, content)
}

func readManifest(dir string) ([]byte, error) {
	content, err := readRegular(filepath.Join(dir, manifest.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNoProject, dir)
	}
	return content, err
}

// ParseManifest is ReadManifest for a manifest in memory; file names it in errors.
func (e *Engine) ParseManifest(file string, content []byte) (*manifest.Manifest, error) {
	m, err := manifest.Parse(file, content)
	if err != nil {
		return nil, err
	}
	layers, err := render.Load(e.Layers)
	if err != nil {
		return nil, err
	}
	return m, render.CheckLayers(layers, m.Layers)
}

// DefaultLayers returns the optional layers of a new project.
func (e *Engine) DefaultLayers(with, without []string) ([]string, error) {
	layers, err := render.Load(e.Layers)
	if err != nil {
		return nil, err
	}
	return render.Choose(layers, with, without)
}

// LoadContract compiles the contract of the project in dir.
func (e *Engine) LoadContract(ctx context.Context, dir string, m *manifest.Manifest) (*protoload.Contract, error) {
	if err := findContract(dir, m.Proto); err != nil {
		return nil, err
	}
	if m.Proto.DescriptorSet != "" {
		return protoload.LoadDescriptorSet(dir, m.Proto.DescriptorSet)
	}
	return protoload.Load(ctx, protoload.Source{Dir: dir, Roots: m.Proto.Roots})
}

// findContract reports what the manifest says of the contract's place and is not so.
func findContract(dir string, p manifest.Proto) error {
	var found diag.Set
	pos := diag.Pos{File: manifest.FileName}
	for _, root := range p.Roots {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(root))); err != nil || !info.IsDir() {
			found.At(pos, "put the contract there, or change proto.roots", "proto.roots: there is no folder %s", root)
		}
	}
	if p.DescriptorSet != "" {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(p.DescriptorSet))); err != nil {
			found.At(pos, "put it there, or change proto.descriptor_set", "proto.descriptor_set: there is no file %s", p.DescriptorSet)
		}
	}
	return found.Err()
}

// Emission is what one generation emits.
type Emission struct {
	Model *model.Project
	Tree  *tree.Tree

	stubs []protoload.StubFile
}

// Owned returns the contents of the files that are svc's own, by path.
func (e *Emission) Owned() map[string][]byte {
	files := map[string][]byte{}
	for _, f := range e.Tree.Files() {
		if f.Class == tree.Owned {
			files[f.Path] = f.Content
		}
	}
	return files
}

// Emit renders all files of a project. With stubs it runs the stub plugins at the versions that module pins,
// or those that svc emits when there is no module yet.
func (e *Engine) Emit(ctx context.Context, m *manifest.Manifest, c *protoload.Contract, now Present, stubs bool) (*Emission, error) {
	p, err := model.Build(m, c.Request, c)
	if err != nil {
		return nil, err
	}
	layers, err := render.Load(e.Layers)
	if err != nil {
		return nil, err
	}
	emitted, err := gomod.Compose(p)
	if err != nil {
		return nil, err
	}
	if now.GoMod == nil {
		now.GoMod, now.GoSum = emitted[0].Content, emitted[1].Content
	}
	stubbed := make(chan stubResult, 1)
	go func() {
		var r stubResult
		if stubs {
			r.files, r.err = e.stubs(ctx, p, c.Request, now)
		}
		stubbed <- r
	}()
	files, err := render.Render(ctx, e.Layers, layers, p)
	r := <-stubbed
	if err := errors.Join(r.err, err); err != nil {
		return nil, err
	}
	emission := &Emission{Model: p, stubs: r.files}
	emission.Tree, err = tree.New(slices.Concat(files, emitted, stubFiles(r.files)))
	return emission, err
}

type stubResult struct {
	files []protoload.StubFile
	err   error
}

func (e *Engine) stubs(ctx context.Context, p *model.Project, request *pluginpb.CodeGeneratorRequest, now Present) ([]protoload.StubFile, error) {
	plugins, err := protoload.Plugins(ctx, now.GoMod, now.GoSum, e.Progress)
	if err != nil {
		return nil, err
	}
	r := protoload.StubRequest{
		Request: request, Module: p.Module, Parameter: model.Parameter(p.Stubs), Prefixes: map[string]string{}, Made: now.stub,
	}
	for _, s := range p.Stubs {
		r.Prefixes[s.File] = path.Join(s.Package.Dir, strings.TrimSuffix(path.Base(s.File), ".proto"))
	}
	return protoload.Stubs(ctx, plugins, r)
}

func stubFiles(stubs []protoload.StubFile) []tree.File {
	files := make([]tree.File, len(stubs))
	for i, s := range stubs {
		files[i] = tree.File{Path: s.Path, Content: s.Content, Class: tree.Owned, Template: s.Plugin}
	}
	return files
}
