// Package render turns layers of templates and a model into files.
package render

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/goccy/go-yaml"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/tree"
)

// Layer is a folder of templates for one concern.
type Layer struct {
	Name string
	layerFile
	templates []*source
}

// layerFile is layer.yaml.
type layerFile struct {
	Title       string    `yaml:"title"`
	Description string    `yaml:"description"`
	Always      bool      `yaml:"always"` // part of every project
	When        condition `yaml:"when"`   // part of the projects that it holds for
	Default     bool      `yaml:"default"`
	Delims      []string  `yaml:"delims"`    // instead of {{ and }}
	Decl        []string  `yaml:"decl"`      // emitted paths of class decl, placeholders included
	Formatted   bool      `yaml:"formatted"` // Go whose only action is the module's path is as gofmt leaves it
}

// condition holds when any of what it says is so.
type condition struct {
	Registry      string `yaml:"registry"`      // the project has this one
	Discovers     bool   `yaml:"discovers"`     // the registry knows where services are
	Registers     bool   `yaml:"registers"`     // apps list themselves in the registry
	Authenticates bool   `yaml:"authenticates"` // the registry may ask who an app is
}

func (c condition) holds(p *model.Project) bool {
	return c.Registry != "" && c.Registry == p.Registry || c.Discovers && p.Discovers() || c.Registers && p.Registers() ||
		c.Authenticates && p.Authenticates()
}

// source is one template.
type source struct {
	name      string // as errors call it: templates/<layer>/<path>.tmpl
	path      string // of the emitted file, with placeholders
	formatted bool   // a Go file that needs no gofmt
	text      string
	delims    [2]string
	tmpl      *template.Template // nil for a text that is the same in all projects, but for the path of the module
}

const (
	layerYAML = "layer.yaml"
	suffix    = ".tmpl"
)

// Load reads the layers below the root of fsys, each a folder with a layer.yaml.
func Load(fsys fs.FS) ([]*Layer, error) {
	dirs, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the layers: %w", err)
	}
	var layers []*Layer
	for _, d := range dirs {
		content, err := fs.ReadFile(fsys, path.Join(d.Name(), layerYAML))
		if err != nil {
			continue
		}
		l := &Layer{Name: d.Name()}
		if err := yaml.UnmarshalWithOptions(content, &l.layerFile, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("templates/%s/%s: %w", d.Name(), layerYAML, err)
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// Optional reports whether svc.yaml's layers switch the layer on, rather than svc itself or the registry.
func (l *Layer) Optional() bool { return !l.Always && l.When == condition{} }

// Active reports whether the layer is part of p.
func (l *Layer) Active(p *model.Project) bool {
	return l.Always || p.Has(l.Name) || l.When.holds(p)
}

// parse reads the layer's templates. It runs for active layers only.
func (l *Layer) parse(fsys fs.FS) error {
	return fs.WalkDir(fsys, l.Name, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(p, suffix) {
			return err
		}
		content, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		s, err := l.source(p, string(content))
		if err != nil {
			return err
		}
		l.templates = append(l.templates, s)
		return nil
	})
}

// source reads one template, which is at p among the layers.
func (l *Layer) source(p, text string) (*source, error) {
	s := &source{name: "templates/" + p, path: strings.TrimSuffix(strings.TrimPrefix(p, l.Name+"/"), suffix), text: text}
	s.delims = [2]string{"{{", "}}"}
	if len(l.Delims) == 2 {
		s.delims = [2]string(l.Delims)
	}
	if !strings.Contains(s.fixed("", ""), s.delims[0]) {
		s.formatted = l.Formatted
		return s, nil
	}
	t, err := template.New(s.name).Option("missingkey=error").Funcs(functions).Delims(s.delims[0], s.delims[1]).Parse(text)
	if err != nil {
		return nil, templateError(s.name, err)
	}
	s.tmpl = t
	return s, nil
}

// fixed does the two actions that most templates have no others than: one writes the path of the project's module, and one
// what would begin an action.
func (s *source) fixed(module, left string) string {
	begin, end := s.delims[0], s.delims[1]
	return strings.NewReplacer(begin+".Module"+end, module, begin+`"`+begin+`"`+end, left).Replace(s.text)
}

// execute renders the template for data, in a project with the given module.
func (s *source) execute(data any, module string) ([]byte, error) {
	if s.tmpl == nil {
		return []byte(s.fixed(module, s.delims[0])), nil
	}
	var b bytes.Buffer
	if err := s.tmpl.Execute(&b, data); err != nil {
		return nil, templateError(s.name, err)
	}
	return b.Bytes(), nil
}

// class decides what regeneration may do with the file that a template emits.
func (l *Layer) class(emitted string) tree.Class {
	switch {
	case strings.HasPrefix(emitted, "gen/"):
		return tree.Owned
	case slices.Contains(l.Decl, emitted):
		return tree.Decl
	default:
		return tree.Merge
	}
}

// templateError gives an error of text/template its position: "template: NAME:LINE:COL: …".
func templateError(name string, err error) error {
	var found diag.Set
	pos := diag.Pos{File: name}
	msg := err.Error()
	if rest, ok := strings.CutPrefix(msg, "template: "+name+":"); ok {
		var line, col int
		if n, _ := fmt.Sscanf(rest, "%d:%d:", &line, &col); n >= 1 {
			pos.Line, pos.Col = line, col+1
			if _, after, ok := strings.Cut(rest, ": "); ok {
				msg = after
			}
		}
	}
	found.At(pos, "", "%s", msg)
	return found.Err()
}

// CheckLayers reports layers that a manifest names and that don't exist, or are not for it to switch.
func CheckLayers(layers []*Layer, named []manifest.Ref) error {
	var found diag.Set
	known := OptionalNames(layers)
	for _, r := range named {
		if !slices.Contains(known, r.Name) {
			found.At(r.Pos, "layers: "+strings.Join(known, ", "), "there is no layer %s to switch on", r.Name)
		}
	}
	return found.Err()
}

// OptionalNames returns the names of the layers that svc.yaml may list.
func OptionalNames(layers []*Layer) []string {
	var names []string
	for _, l := range layers {
		if l.Optional() {
			names = append(names, l.Name)
		}
	}
	return names
}

// Choose returns the optional layers that are on: the default ones, with and without what is asked for.
func Choose(layers []*Layer, with, without []string) ([]string, error) {
	known := OptionalNames(layers)
	for _, name := range slices.Concat(with, without) {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown layer %q: use %s", name, strings.Join(known, ", "))
		}
	}
	var names []string
	for _, l := range layers {
		on := l.Default || slices.Contains(with, l.Name)
		if l.Optional() && on && !slices.Contains(without, l.Name) {
			names = append(names, l.Name)
		}
	}
	return names, nil
}
