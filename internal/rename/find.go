package rename

import (
	"maps"
	"slices"
)

// Find compares the rpcs of a contract with those it had. What moved says (methods, services or packages, old → new)
// comes first and needs no likeness; the rest has to be unique.
func Find(old, next Shapes, moved map[string]string) Found {
	f := &finder{
		old: maps.Clone(old), next: maps.Clone(next), was: services(old), is: services(next),
		found: Found{Methods: map[string]string{}, Services: map[string]string{}, Past: map[string]string{}},
		asked: map[string][]string{}, taken: map[string]string{},
	}
	for _, from := range slices.SortedFunc(maps.Keys(moved), specificFirst) {
		f.told(from, moved[from])
	}
	f.wholeServices()
	f.rpcs()
	f.namedAlike()
	f.otherPackages()
	f.doubts()
	return f.found
}

// finder takes pairs out of what is gone and what has come until nothing more is certain.
type finder struct {
	old, next Shapes            // rpcs that have no partner yet
	was, is   map[string]Shapes // all services
	found     Found
	asked     map[string][]string // candidates by what is gone
	taken     map[string]string   // old service by new
}

// method pairs two rpcs.
func (f *finder) method(from, to string) {
	if from != to {
		f.found.Methods[from] = to
	}
	delete(f.old, from)
	delete(f.next, to)
}

// service pairs two services, and their rpcs of the same name.
func (f *finder) service(from, to string) {
	f.found.Services[from], f.taken[to] = to, from
	for name := range f.was[from] {
		_, waits := f.old[from+"."+name]
		if _, ok := f.next[to+"."+name]; ok && waits {
			f.method(from+"."+name, to+"."+name)
		}
	}
}

// serviceNow is what a service of the old contract is called now: the same, unless it was renamed.
func (f *finder) serviceNow(name string) string {
	if to, ok := f.found.Services[name]; ok {
		return to
	}
	return name
}

// wholeServices pairs services of one package with the same rpcs, where one is gone and one has come.
func (f *finder) wholeServices() {
	lost, come := f.lostServices(), f.newServices()
	for _, from := range lost {
		alike := f.alike(from, come)
		if len(alike) != 1 {
			f.ask(from, f.alike(from, f.untaken()))
			continue
		}
		if rivals := f.rivals(alike[0], lost); len(rivals) == 1 {
			f.service(from, alike[0])
		} else {
			f.ask(from, alike)
		}
	}
}

func (f *finder) lostServices() []string {
	return slices.DeleteFunc(gone(f.was, f.is), func(s string) bool { return f.found.Services[s] != "" })
}

func (f *finder) newServices() []string {
	return slices.DeleteFunc(gone(f.is, f.was), func(s string) bool { return f.taken[s] != "" })
}

// untaken are all services that nothing has become. A question is about these: its candidates are no longer new when it is
// asked again.
func (f *finder) untaken() []string {
	return filter(slices.Sorted(maps.Keys(f.is)), func(s string) bool { return f.taken[s] == "" })
}

// alike returns the services among come that have what from had, in its package.
func (f *finder) alike(from string, come []string) []string {
	return filter(come, func(to string) bool { return parent(to) == parent(from) && maps.Equal(f.was[from], f.is[to]) })
}

// rivals returns the services among lost that had what to has, in its package.
func (f *finder) rivals(to string, lost []string) []string {
	return filter(lost, func(from string) bool { return parent(to) == parent(from) && maps.Equal(f.was[from], f.is[to]) })
}

// near reports whether an rpc may be called to in the new contract: something else in its service, or the same in
// another service of the package.
func (f *finder) near(from, to string) bool {
	service, target := f.serviceNow(parent(from)), parent(to)
	return service == target || parent(service) == parent(target) && last(from) == last(to)
}

// rpcs pairs what is gone with what has come near it with the same shape, where nothing else would do.
func (f *finder) rpcs() {
	lost, come := gone(f.old, f.next), gone(f.next, f.old)
	pairs := map[string]string{}
	for _, from := range lost {
		candidates := filter(come, func(to string) bool { return f.near(from, to) && f.old[from] == f.next[to] })
		if len(candidates) == 0 {
			continue
		}
		to := candidates[0]
		rivals := filter(lost, func(other string) bool { return f.near(other, to) && f.old[other] == f.next[to] })
		if len(candidates) == 1 && len(rivals) == 1 {
			pairs[from] = to
		} else {
			f.ask(from, candidates)
		}
	}
	for from, to := range pairs {
		f.method(from, to)
	}
}

// namedAlike asks about rpcs that are gone where the same service has one that differs in its name only, and in the types
// named after it, as buf's rules have them: Get(GetRequest), Fetch(FetchRequest). Any new rpc might, so it is not certain.
func (f *finder) namedAlike() {
	come := gone(f.next, f.old)
	for _, from := range gone(f.old, f.next) {
		f.ask(from, filter(come, func(to string) bool {
			return f.serviceNow(parent(from)) == parent(to) && nameless(last(from), f.old[from]) == nameless(last(to), f.next[to])
		}))
	}
}

// otherPackages asks about services that are gone where another package has one of the same name with the same rpcs,
// as when v1 becomes v2.
func (f *finder) otherPackages() {
	for _, from := range f.lostServices() {
		f.ask(from, filter(f.untaken(), func(to string) bool {
			return parent(from) != parent(to) && last(from) == last(to) && maps.Equal(inPackage(f.was[from], parent(from), parent(to)), f.is[to])
		}))
	}
}

func (f *finder) ask(gone string, candidates []string) {
	if len(candidates) > 0 {
		f.asked[gone] = append(f.asked[gone], candidates...)
	}
}

// doubts are the questions that nothing has answered meanwhile.
func (f *finder) doubts() {
	for _, name := range slices.Sorted(maps.Keys(f.asked)) {
		_, waits := f.old[name]
		_, renamed := f.found.Services[name]
		_, partOf := f.asked[parent(name)] // the question about the service is the question about its rpcs
		if renamed || partOf || f.was[name] == nil && !waits {
			continue
		}
		list := slices.Compact(slices.Sorted(slices.Values(f.asked[name])))
		f.found.Doubts = append(f.found.Doubts, Doubt{name, list})
	}
}

func filter(list []string, keep func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !keep(s) })
}
