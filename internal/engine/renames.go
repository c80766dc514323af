package engine

import (
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/godecl"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/rename"
	"github.com/svcgen/svc/internal/tree"
)

// moves is svc.yaml's moved, old to new.
func moves(m *manifest.Manifest) map[string]string {
	moved := map[string]string{}
	for _, move := range m.Moved {
		moved[move.Old] = move.New
	}
	return moved
}

// renamedDeclarations says what the declarations for renamed rpcs and services are called now.
func renamedDeclarations(in plan.Input, found rename.Found, p *model.Project) map[string]string {
	now := map[string]*model.Service{}
	for _, s := range p.Served {
		now[s.FullName] = s
	}
	renamed := map[string]string{}
	for was, is := range found.Services {
		old := emittedType(in, was)
		if s := now[is]; s != nil && old != "" && old != s.Handler.Type {
			t := s.Handler.Type
			renamed[old], renamed["New"+old], renamed["new"+old+"Client"] = t, "New"+t, "new"+t+"Client"
		}
	}
	for was, is := range found.Methods {
		old := emittedMethod(in, was)
		m := methodOf(now[parent(is)], is)
		if old == "" || m == nil {
			continue
		}
		t, name := m.Service.Handler.Type, m.Name
		renamed[old] = t + "." + name
		renamed["Test"+strings.Replace(old, ".", "_", 1)] = "Test" + t + "_" + name
	}
	return renamed
}

// lateMethods are what the declarations of rpcs were called that have another name since an earlier run, as it is said
// now, by folder. That run may not have known of it.
func lateMethods(found rename.Found, p *model.Project) map[string]map[string]string {
	late := map[string]map[string]string{}
	for _, s := range p.Served {
		for was, is := range found.Past {
			m := methodOf(s, is)
			if m == nil || parent(was) != s.FullName {
				continue
			}
			if late[s.Handler.Dir] == nil {
				late[s.Handler.Dir] = map[string]string{}
			}
			late[s.Handler.Dir][s.Handler.Type+"."+was[len(s.FullName)+1:]] = s.Handler.Type + "." + m.Name
		}
	}
	return late
}

func methodOf(s *model.Service, rpc string) *model.Method {
	if s == nil {
		return nil
	}
	for _, m := range s.Methods {
		if m.FullName == rpc {
			return m
		}
	}
	return nil
}

// emittedType is the Go type that svc emitted for a service last.
func emittedType(in plan.Input, service string) string {
	keys := emittedKeys(in, service)
	for _, key := range keys {
		if slices.Contains(keys, "New"+key) {
			return key
		}
	}
	return ""
}

// emittedMethod is the key of the method that svc emitted for an rpc last. protoc-gen-go changes underscores and capitals of
// a name, and no two rpcs of a service differ in these only.
func emittedMethod(in plan.Input, rpc string) string {
	service, name := parent(rpc), rpc[strings.LastIndexByte(rpc, '.')+1:]
	for _, key := range emittedKeys(in, service) {
		if _, method, ok := strings.Cut(key, "."); ok && strings.EqualFold(strings.ReplaceAll(method, "_", ""), strings.ReplaceAll(name, "_", "")) {
			return key
		}
	}
	return ""
}

// emittedKeys are the declarations of the handler that svc emitted for a service last.
func emittedKeys(in plan.Input, service string) []string {
	for path, entry := range in.Lock.Files {
		if entry.Of != service || entry.Class != tree.Decl || strings.HasSuffix(path, "_test.go") {
			continue
		}
		if f, err := godecl.Parse(path, in.Bases[path]); err == nil {
			return f.Keys()
		}
	}
	return nil
}

// openDoubts are those that are about something that is there: of what the owner has not touched, or has taken away,
// nothing has to become anything.
func openDoubts(doubts []rename.Doubt, in plan.Input, p *plan.Plan) []rename.Doubt {
	return slices.DeleteFunc(doubts, func(d rename.Doubt) bool {
		if key := emittedMethod(in, d.Gone); key != "" {
			return !declaredAfter(in, p, key)
		}
		for path, entry := range p.Lock.Files {
			if _, emitted := in.Generated.Lookup(path); !emitted && entry.Class == tree.Decl && entry.Of == d.Gone {
				return false
			}
		}
		return true
	})
}

// declaredAfter reports whether a method is still there when the plan has been carried out.
func declaredAfter(in plan.Input, p *plan.Plan, key string) bool {
	after := map[string][]byte{}
	for path := range in.Handlers {
		after[path] = in.Disk[path]
	}
	for _, a := range p.Actions {
		if a.Writes() {
			after[a.Path] = a.Content()
		}
	}
	for path, content := range after {
		if _, handler := in.Handlers[path]; !handler || content == nil {
			continue
		}
		if f, err := godecl.Parse(path, content); err != nil || f.Declares(key) {
			return true
		}
	}
	return false
}

// holdDoubts has the next run come back to methods that may have been renamed: until then svc knows what they were.
func holdDoubts(doubts []rename.Doubt, last *lock.Lock, p *plan.Plan) {
	for _, d := range doubts {
		for path, entry := range last.Files {
			if entry.Class == tree.Decl && entry.Of == parent(d.Gone) {
				p.Hold(path, last)
			}
		}
	}
}

func parent(name string) string { return name[:max(strings.LastIndexByte(name, '.'), 0)] }

// doubts asks the owner about what may have been renamed, and points at the lines of moved that nothing stands behind.
func doubts(found rename.Found, m *manifest.Manifest) diag.Set {
	var set diag.Set
	for _, d := range found.Doubts {
		pos := diag.Pos{File: manifest.FileName}
		set.At(pos, "if so, say it: moved: {"+d.Gone+": "+d.Candidates[0]+"}", "%s is gone; is it what is called %s now?", d.Gone, strings.Join(d.Candidates, " or "))
	}
	for _, u := range found.Unknown {
		pos := diag.Pos{File: manifest.FileName}
		if i := slices.IndexFunc(m.Moved, func(move manifest.Move) bool { return move.Old == u.Old }); i >= 0 {
			pos = m.Moved[i].Pos
		}
		set.At(pos, "mend the line, or take it out", "moved: %s", u.Reason)
	}
	return set
}
