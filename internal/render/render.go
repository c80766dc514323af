package render

import (
	"bytes"
	"context"
	"io/fs"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/tree"
)

// job is one file to render.
type job struct {
	source *source
	path   string
	class  tree.Class
	of     string // the app or service that it is rendered for
	data   any
}

// Render executes the templates of the layers that are part of p. A template that renders to white space emits nothing.
func Render(ctx context.Context, fsys fs.FS, layers []*Layer, p *model.Project) ([]tree.File, error) {
	var jobs []job
	for _, l := range layers {
		if !l.Active(p) {
			continue
		}
		if err := l.parse(fsys); err != nil {
			return nil, err
		}
		for _, s := range l.templates {
			jobs = append(jobs, expand(s, l.class(s.path), p)...)
		}
	}
	files := make([]tree.File, len(jobs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			files[i], err = j.render(p.Module)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return present(files), nil
}

// expand makes a job for each app, service or file that the template's path asks for: [app] is an app, [service] a served
// service's handler, [client] any service's client package, [import] a file that the contract imports from others.
func expand(s *source, class tree.Class, p *model.Project) []job {
	var jobs []job
	add := func(placeholder, value, of string, data any) {
		jobs = append(jobs, job{s, strings.ReplaceAll(s.path, placeholder, value), class, of, data})
	}
	switch {
	case strings.Contains(s.path, "[app]"):
		for _, a := range p.Apps {
			add("[app]", a.Name, a.Name, a)
		}
	case strings.Contains(s.path, "[service]"):
		for _, svc := range p.Served {
			add("[service]", strings.TrimPrefix(svc.Handler.Dir, "internal/service/")+"/"+svc.Handler.File, svc.FullName, svc)
		}
	case strings.Contains(s.path, "[client]"):
		for _, svc := range p.Services {
			add("[client]", strings.TrimPrefix(svc.Client.Dir, "pkg/client/"), svc.FullName, svc)
		}
	case strings.Contains(s.path, "[import]"):
		for _, t := range p.ThirdParty {
			add("[import]", t.File, "", t)
		}
	default:
		jobs = append(jobs, job{s, s.path, class, "", p})
	}
	return jobs
}

func (j job) render(module string) (tree.File, error) {
	content, err := j.source.execute(j.data, module)
	if err != nil {
		return tree.File{}, err
	}
	file := tree.File{Path: j.path, Content: content, Class: j.class, Template: strings.TrimPrefix(j.source.name, "templates/"), Of: j.of}
	if len(bytes.TrimSpace(file.Content)) == 0 {
		return tree.File{}, nil
	}
	if j.source.formatted || !strings.HasSuffix(j.path, ".go") {
		return file, nil
	}
	formatted, err := gofmt(file.Content)
	if err != nil {
		var found diag.Set
		found.At(diag.Pos{File: j.source.name}, "this is a bug in the template", "it does not render to Go for %s: %v", j.path, err)
		return tree.File{}, found.Err()
	}
	file.Content = formatted
	return file, nil
}

func present(files []tree.File) []tree.File {
	out := files[:0]
	for _, f := range files {
		if f.Path != "" {
			out = append(out, f)
		}
	}
	return out
}
