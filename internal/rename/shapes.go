// Package rename recognises what a contract calls by another name from the shapes of its rpcs, as they were and as they are.
// It is pure. It takes for renamed what can be nothing else, and asks about the rest.
package rename

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shapes maps full rpc names ("shop.v1.Catalog.Get") to their kind and types ("unary shop.v1.GetRequest shop.v1.Product").
type Shapes map[string]string

// Found is what Find has recognised.
type Found struct {
	Methods, Services map[string]string // full names, old → new
	Past              map[string]string // methods that have their new name since an earlier run, by the old one
	Doubts            []Doubt           // by what is gone
	Unknown           []Entry           // by old name
}

// Clone returns a copy, of which something may be forgotten.
func (f Found) Clone() Found {
	f.Methods, f.Services = maps.Clone(f.Methods), maps.Clone(f.Services)
	return f
}

// Forget takes back that a service was renamed.
func (f Found) Forget(service string) {
	delete(f.Services, service)
	maps.DeleteFunc(f.Methods, func(from, _ string) bool { return parent(from) == service })
}

// Doubt is a method or service that is gone, and what it may have become.
type Doubt struct {
	Gone       string
	Candidates []string // sorted
}

// Entry is a line of svc.yaml's moved that nothing stands behind.
type Entry struct {
	Old, New string
	Reason   string // what is wrong with it
}

// split divides a full name at its last dot.
func split(name string) (parent, last string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}

func parent(name string) string { p, _ := split(name); return p }

func last(name string) string { _, l := split(name); return l }

// services groups rpcs by service: "Get" → shape by "shop.v1.Catalog".
func services(all Shapes) map[string]Shapes {
	out := map[string]Shapes{}
	for rpc, shape := range all {
		service, name := split(rpc)
		if out[service] == nil {
			out[service] = Shapes{}
		}
		out[service][name] = shape
	}
	return out
}

// gone returns the keys of a that b lacks, sorted.
func gone[V any](a, b map[string]V) []string {
	var list []string
	for key := range a {
		if _, ok := b[key]; !ok {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// below returns the names of all that are name or stand below it, sorted.
func below[V any](all map[string]V, name string) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for key := range maps.Keys(all) {
			if (key == name || strings.HasPrefix(key, name+".")) && !yield(key) {
				return
			}
		}
	})
}

// inPackage writes a service's shapes as they would be in another package, so that versions of a package compare.
func inPackage(s Shapes, from, to string) Shapes {
	out := Shapes{}
	for name, shape := range s {
		words := strings.Fields(shape)
		for i, w := range words {
			if rest, ok := strings.CutPrefix(w, from+"."); ok {
				words[i] = to + "." + rest
			}
		}
		out[name] = strings.Join(words, " ")
	}
	return out
}

// nameless is an rpc's shape with a placeholder for its name, where the last name of a type starts with that as a word.
func nameless(rpc, shape string) string {
	words := strings.Fields(shape)
	for i, w := range words {
		scope, name := split(w)
		rest, ok := strings.CutPrefix(name, rpc)
		if next, _ := utf8.DecodeRuneInString(rest); i > 0 && ok && !unicode.IsLower(next) {
			words[i] = scope + ".*" + rest
		}
	}
	return strings.Join(words, " ")
}
