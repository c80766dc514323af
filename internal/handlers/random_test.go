package handlers

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var sequences = flag.Int("sequences", 1000, "how many random packages TestRandom tries")

// TestRandom has owners edit packages at random while their contract changes.
func TestRandom(t *testing.T) {
	for seed := range *sequences {
		if t.Failed() {
			return
		}
		checkRandom(t, uint64(seed))
	}
}

// FuzzSync does so for ever.
func FuzzSync(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkRandom(t, seed) })
}

func checkRandom(t *testing.T, seed uint64) {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 7)), renamed: map[string]string{}, moved: map[string]string{}}
	g.contract()
	p := Package{Base: emit(t, g.String()), Renamed: g.renamed, Moved: g.moved}
	p.Disk = maps.Clone(p.Base)
	for range g.IntN(8) {
		g.editDisk(p.Disk)
	}
	was := g.String()
	for range 1 + g.IntN(3) {
		g.changeContract()
	}
	p.New = emit(t, g.String())
	out := Sync(p)
	checkFormat(t, p, out)
	checkLines(t, p, out)
	checkSettled(t, p, out)
	if t.Failed() {
		t.Logf("seed %d\n%s→\n%s%v %v\n%v", seed, was, g, g.renamed, g.moved, g.log)
		for _, name := range slices.Sorted(maps.Keys(p.Disk)) {
			t.Logf("%s\n%s", name, p.Disk[name])
		}
		t.Log(report(p, out))
	}
}

// generator makes contracts, changes of them, and edits.
type generator struct {
	*rand.Rand
	services       []service
	renamed, moved map[string]string
	n              int
	log            []string
}

type service struct {
	name, was string // its name now, and in the first contract
	rpcs      []rpc
}

type rpc struct{ name, was, kind, in, out string }

func (g *generator) String() string {
	var b strings.Builder
	for _, s := range g.services {
		b.WriteString(s.name + ":")
		for _, r := range s.rpcs {
			fmt.Fprintf(&b, " %s %s %s %s;", r.name, r.kind, r.in, r.out)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (g *generator) fresh(prefix string) string { g.n++; return fmt.Sprint(prefix, g.n) }

func (g *generator) contract() {
	for range 1 + g.IntN(3) {
		name := g.fresh("Service")
		s := service{name: name, was: name}
		for range g.IntN(4) {
			s.rpcs = append(s.rpcs, g.rpc())
		}
		for i := range s.rpcs {
			s.rpcs[i].was = name + "." + s.rpcs[i].name
		}
		g.services = append(g.services, s)
	}
}

func (g *generator) rpc() rpc {
	return rpc{name: g.fresh("Do"), kind: g.kind(), in: g.fresh("In"), out: g.fresh("Out")}
}

func (g *generator) kind() string { return []string{"unary", "server", "client", "bidi"}[g.IntN(4)] }

// changeContract does one thing of those that happen to contracts, and says what was renamed.
func (g *generator) changeContract() {
	if len(g.services) == 0 {
		return
	}
	i := g.IntN(len(g.services))
	s := &g.services[i]
	switch what := g.IntN(9); {
	case what == 0:
		s.rpcs = slices.Insert(s.rpcs, g.IntN(len(s.rpcs)+1), g.rpc())
	case what == 1:
		g.services = append(g.services, service{name: g.fresh("Service"), rpcs: []rpc{g.rpc()}})
	case what == 2:
		g.services = slices.Delete(g.services, i, i+1)
	case what == 3:
		g.renameService(s)
	case len(s.rpcs) == 0:
	default:
		g.changeRPC(s, g.IntN(len(s.rpcs)), what)
	}
}

func (g *generator) renameService(s *service) {
	from := strings.ToLower(s.name)
	s.name = g.fresh("Renamed")
	if s.was == "" {
		return
	}
	g.renamed[s.was] = s.name
	to := strings.ToLower(s.name)
	for _, end := range []string{".go", "_test.go"} {
		if s.was != "" && strings.ToLower(s.was) != from {
			from = strings.ToLower(s.was)
		}
		g.moved[dir+from+end] = dir + to + end
	}
	for _, r := range s.rpcs {
		g.follow(s.name, r)
	}
}

// follow records what an rpc is called now.
func (g *generator) follow(service string, r rpc) {
	if r.was != "" {
		g.renamed[r.was] = service + "." + r.name
	}
}

func (g *generator) changeRPC(s *service, i, what int) {
	r := &s.rpcs[i]
	switch what {
	case 4:
		s.rpcs = slices.Delete(s.rpcs, i, i+1)
	case 5:
		r.name = g.fresh("Renamed")
		g.follow(s.name, *r)
	case 6:
		r.in = g.fresh("In")
	case 7:
		r.kind = g.kind()
	case 8:
		other := &g.services[g.IntN(len(g.services))]
		if other != s {
			other.rpcs = append(other.rpcs, *r)
			g.follow(other.name, *r)
			s.rpcs = slices.Delete(s.rpcs, i, i+1)
		}
	}
}

var (
	method   = regexp.MustCompile(`(?m)^// \w+ implements .*\nfunc \((?s:.*?)^}\n`)
	stub     = regexp.MustCompile(`(?m)^\treturn .*status\.Error.*$`)
	testRun  = regexp.MustCompile(`(?m)^\t\tt\.Run\(`)
	deps     = regexp.MustCompile(`(?m)^\tdeps service\.Deps$`)
	topLevel = regexp.MustCompile(`(?m)^}$`)
)

// editDisk does one thing of those that owners do; what they wrote has a mark.
func (g *generator) editDisk(disk map[string][]byte) {
	names := slices.Sorted(maps.Keys(disk))
	if len(names) == 0 {
		return
	}
	name := names[g.IntN(len(names))]
	src := string(disk[name])
	what := g.IntN(15)
	g.log = append(g.log, fmt.Sprint(what, " ", name))
	switch what {
	case 0:
		src = g.replace(stub, src, "\t// mine: "+g.fresh("body")+"\n\treturn h.do()")
	case 1:
		src = g.replace(testRun, src, "\t\tt.Log(\"mine\", name)\n\t\tt.Run(")
	case 2:
		src = g.replace(deps, src, "\tdeps service.Deps\n\n\tmine"+g.fresh("")+" int")
	case 3:
		src = g.replace(topLevel, src, "}\n\n// A comment of mine: "+g.fresh(""))
	case 4:
		src = strings.ReplaceAll(src, "func (h *", "func (s *")
	case 5:
		src = g.replace(method, src, "// mine: no method\n")
	case 6:
		src = strings.ReplaceAll(strings.ReplaceAll(src, "\tpb ", "\tshoppb "), "pb.", "shoppb.")
		src = strings.ReplaceAll(src, "shopshop", "shop")
	case 7:
		g.moveMethod(disk, name)
		return
	case 8:
		delete(disk, name)
		disk[dir+g.fresh("file")+map[bool]string{true: "_test"}[strings.HasSuffix(name, "_test.go")]+".go"] = []byte(src)
		return
	case 9:
		src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\n", "\r\n")
	case 10:
		src += "\nfunc (mine\n"
	case 11:
		src += "\nfunc mine" + g.fresh("") + "() {\n\tdeps := 1\n\t_ = deps\n}\n"
	case 12:
		src = g.replace(regexp.MustCompile(`(?m)^func Test\w+\(t \*testing\.T\) \{$`), src, "$0\n\tt.Parallel() // mine")
	case 13:
		src = g.replace(regexp.MustCompile(`\(ctx context\.Context, `), src, "(\n\t_ context.Context, // mine: "+g.fresh("")+"\n\t")
	case 14:
		src = g.replace(regexp.MustCompile(`\) error \{|, error\) \{`), src, " /* mine */$0")
	}
	disk[name] = []byte(src)
}

// replace replaces one match of many.
func (g *generator) replace(re *regexp.Regexp, src, with string) string {
	all := re.FindAllStringIndex(src, -1)
	if len(all) == 0 || strings.Contains(src, "\r\n") {
		return src
	}
	at := all[g.IntN(len(all))]
	with = strings.ReplaceAll(with, "$0", src[at[0]:at[1]])
	return src[:at[0]] + with + src[at[1]:]
}

func (g *generator) moveMethod(disk map[string][]byte, name string) {
	src := string(disk[name])
	all := method.FindAllStringIndex(src, -1)
	if len(all) == 0 || strings.Contains(src, "\r\n") {
		return
	}
	at := all[g.IntN(len(all))]
	disk[name] = []byte(src[:at[0]] + "// mine: moved\n" + src[at[1]:])
	header, _, _ := strings.Cut(src, "\n// ")
	disk[dir+g.fresh("moved")+".go"] = []byte(header + "\n" + src[at[0]:at[1]] + "\nfunc mine" + g.fresh("") + "() {}\n")
}
