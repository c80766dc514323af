package rename

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// specificFirst orders names so that what is said about an rpc comes before what is said about its service or package.
func specificFirst(a, b string) int {
	return cmp.Or(strings.Count(b, ".")-strings.Count(a, "."), strings.Compare(a, b))
}

// told follows one line of svc.yaml's moved, which names an rpc, a service or a package.
func (f *finder) told(from, to string) {
	_, method := f.old[from]
	_, target := f.next[to]
	switch {
	case f.done(from, to):
		if !known(f.is, from) && target {
			f.found.Past[from] = to
		}
	case f.used(to):
		f.unknown(from, to, "%s is what another line says something has become", to)
	case method && target:
		f.method(from, to)
	case method:
		f.unknown(from, to, "the contract has no rpc %s", to)
	case f.was[from] != nil && f.is[to] != nil:
		f.service(from, to)
	case f.was[from] != nil:
		f.unknown(from, to, "the contract has no service %s", to)
	default:
		f.toldPackage(from, to)
	}
}

// done reports whether an earlier run has followed a line: it may stay in svc.yaml. Something else may have the old name
// since. Where both names were there before, and are now, only the types tell that they mean something else.
func (f *finder) done(from, to string) bool {
	if !known(f.was, to) || !known(f.is, to) {
		return false
	}
	return !known(f.was, from) || known(f.is, from) && (f.like(from, from) || !f.like(from, to))
}

// like reports whether an rpc or a service is now what another one, or the same, was.
func (f *finder) like(was, is string) bool {
	a, rpc := split(was)
	b, other := split(is)
	return f.was[a][rpc] == f.is[b][other] && maps.Equal(f.was[was], f.is[is])
}

// known reports whether a contract has an rpc, a service or a package of that name.
func known(all map[string]Shapes, name string) bool {
	service, rpc := split(name)
	_, ok := all[service][rpc]
	return ok || len(below(all, name)) > 0
}

func (f *finder) used(to string) bool {
	return f.taken[to] != "" || slices.Contains(slices.Collect(maps.Values(f.found.Methods)), to)
}

// toldPackage maps every service below a package to the one of the same name below the other.
func (f *finder) toldPackage(from, to string) {
	lost := below(f.was, from)
	if len(lost) == 0 {
		f.unknown(from, to, "the contract had no rpc, service or package %s", from)
		return
	}
	n := 0
	for _, service := range lost {
		target := to + service[len(from):]
		if f.is[target] == nil {
			continue
		}
		n++
		if f.found.Services[service] == "" && f.taken[target] == "" {
			f.service(service, target)
		}
	}
	if n == 0 {
		f.unknown(from, to, "the contract has nothing below %s that was below %s", to, from)
	}
}

func (f *finder) unknown(from, to, format string, args ...any) {
	f.found.Unknown = append(f.found.Unknown, Entry{from, to, fmt.Sprintf(format, args...)})
}
