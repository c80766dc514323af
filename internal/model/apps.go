package model

import (
	"maps"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/manifest"
)

// apps resolves which app serves and calls which service.
func (b *builder) apps(p *Project) {
	served := map[*Service]bool{}
	for _, a := range b.manifest.Apps {
		app := &App{Project: p, Name: a.Name, EnvPrefix: envPrefix(a.Name)}
		app.Clients = b.find(p, a.Clients)
		for _, s := range b.find(p, a.Services) {
			if !slices.Contains(app.Services, s) {
				app.Services = append(app.Services, s)
				served[s] = true
			}
		}
		if slices.ContainsFunc(a.Services, isAll) {
			b.serveAll(p, app, served)
		}
		slices.SortFunc(app.Services, byName)
		wireApp(app)
		p.Apps = append(p.Apps, app)
	}
	for _, s := range p.Services {
		if served[s] {
			p.Served = append(p.Served, s)
		}
	}
	b.warnUnused(p, served)
}

func isAll(r manifest.Ref) bool { return r.Name == manifest.AllServices }

func byName(x, y *Service) int { return strings.Compare(x.FullName, y.FullName) }

// serveAll adds every service that the app does not call: nobody calls itself over the network.
func (b *builder) serveAll(p *Project, app *App, served map[*Service]bool) {
	for _, s := range p.Services {
		if !slices.Contains(app.Clients, s) && !slices.Contains(app.Services, s) {
			app.Services = append(app.Services, s)
			served[s] = true
		}
	}
}

func (b *builder) find(p *Project, refs []manifest.Ref) []*Service {
	var out []*Service
	for _, r := range refs {
		if isAll(r) {
			continue
		}
		i := slices.IndexFunc(p.Services, func(s *Service) bool { return s.FullName == r.Name })
		if i < 0 {
			b.found.At(r.Pos, "the contract declares "+serviceNames(p.Services), "service %s is not in the contract", r.Name)
			continue
		}
		out = append(out, p.Services[i])
	}
	return out
}

func serviceNames(services []*Service) string {
	const most = 10
	var names []string
	for _, s := range services {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		names = append(names, s.FullName)
	}
	return strings.Join(names, ", ")
}

func wireApp(app *App) {
	imports := newAliases()
	for _, s := range app.Services {
		app.Wired = append(app.Wired, Wired{
			Service:      s,
			StubAlias:    imports.add(s.Stub.Path, s.Stub.Name),
			HandlerAlias: imports.add(s.Handler.Path, s.Handler.Name+"svc"),
		})
	}
	app.Imports = imports.sorted()
}

// calls collects what the apps call.
func (b *builder) calls(p *Project) {
	var called []*Service
	for _, a := range p.Apps {
		for _, s := range a.Clients {
			if !slices.Contains(called, s) {
				called = append(called, s)
			}
		}
	}
	fields := callFields(called)
	imports := newAliases()
	for _, s := range called {
		p.Calls = append(p.Calls, &Call{
			Service:     s,
			Field:       fields[s],
			StubAlias:   imports.add(s.Stub.Path, s.Stub.Name),
			ClientAlias: imports.add(s.Client.Path, s.Client.Name),
		})
	}
	p.Imports = imports.sorted()
}

// callFields names the fields that services are called by. Of services with one name each is called by its package, too:
// if one kept the plain name, a call would come to mean another service when svc.yaml lists them in another order.
func callFields(called []*Service) map[*Service]string {
	fields := map[*Service]string{}
	for _, s := range called {
		fields[s] = s.Name
	}
	for _, longer := range []func(*Service) string{inLastPackage, inPackage} {
		count := map[string]int{}
		for _, field := range fields {
			count[field]++
		}
		for s, field := range fields {
			if count[field] > 1 {
				fields[s] = longer(s)
			}
		}
	}
	used := map[string]bool{}
	for _, s := range slices.SortedFunc(maps.Keys(fields), func(a, b *Service) int { return strings.Compare(a.FullName, b.FullName) }) {
		fields[s] = unused(used, "", fields[s])
	}
	return fields
}

// inLastPackage is CartStore for acme.cart.v1.Store.
func inLastPackage(s *Service) string {
	elems := strings.Split(s.FullName, ".")
	elems = elems[:len(elems)-1]
	if n := len(elems); n > 1 && version.MatchString(elems[n-1]) {
		elems = elems[:n-1]
	}
	if len(elems) == 0 {
		return s.Name
	}
	return exported(elems[len(elems)-1]) + s.Name
}

// inPackage is AcmeCartV1Store for acme.cart.v1.Store.
func inPackage(s *Service) string {
	var name strings.Builder
	elems := strings.Split(s.FullName, ".")
	for _, e := range elems[:len(elems)-1] {
		name.WriteString(exported(e))
	}
	return name.String() + s.Name
}

// warnUnused names services that nobody serves: a service added to the contract needs a place in svc.yaml
// unless an app takes all.
func (b *builder) warnUnused(p *Project, served map[*Service]bool) {
	for _, s := range p.Services {
		called := slices.ContainsFunc(p.Apps, func(a *App) bool { return slices.Contains(a.Clients, s) })
		if !served[s] && !called {
			p.Warnings.At(s.Pos, "add it to an app's services in svc.yaml", "no app serves %s", s.FullName)
		}
	}
}
