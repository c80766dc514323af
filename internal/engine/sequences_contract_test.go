package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// randomContract is a contract that changes: packages of services, each with its rpcs, over a few messages.
type randomContract struct {
	services []*randomService
	messages []string // of each package
	names    int
}

type randomService struct {
	pkg, name string
	rpcs      []*randomRPC
}

type randomRPC struct {
	name, doc, in, out  string
	streamIn, streamOut bool
}

func newRandomContract(r *rand.Rand) *randomContract {
	c := &randomContract{messages: []string{"Ask", "Answer", "Thing"}}
	for range 1 + r.IntN(2) {
		c.addService(r)
	}
	return c
}

func (c *randomContract) name(prefix string) string {
	c.names++
	return fmt.Sprintf("%s%d", prefix, c.names)
}

func (c *randomContract) addService(r *rand.Rand) *randomService {
	s := &randomService{pkg: pick(r, []string{"p.v1", "p.v2", "q"}), name: c.name("Svc")}
	for range 1 + r.IntN(3) {
		c.addRPC(r, s)
	}
	c.services = append(c.services, s)
	return s
}

func (c *randomContract) addRPC(r *rand.Rand, s *randomService) *randomRPC {
	rpc := &randomRPC{name: c.name("Do"), in: pick(r, c.messages), out: pick(r, c.messages), streamIn: r.IntN(5) == 0, streamOut: r.IntN(5) == 0}
	s.rpcs = slices.Insert(s.rpcs, r.IntN(len(s.rpcs)+1), rpc)
	return rpc
}

// change changes one thing, and says what.
func (c *randomContract) change(r *rand.Rand) string {
	s := pick(r, c.services)
	rpc := pick(r, s.rpcs)
	what := s.pkg + "." + s.name + "." + rpc.name
	switch r.IntN(10) {
	case 0, 1:
		return "rpc added: " + s.name + "." + c.addRPC(r, s).name
	case 2:
		if len(s.rpcs) == 1 {
			break
		}
		s.rpcs = slices.DeleteFunc(s.rpcs, func(x *randomRPC) bool { return x == rpc })
		return "rpc removed: " + what
	case 3:
		rpc.name = c.name("Do")
		return "rpc renamed: " + what + " to " + rpc.name
	case 4:
		rpc.in = pick(r, c.messages)
		return "request type of " + what + " is " + rpc.in
	case 5:
		rpc.out = pick(r, c.messages)
		return "response type of " + what + " is " + rpc.out
	case 6:
		rpc.streamIn, rpc.streamOut = r.IntN(2) == 0, r.IntN(2) == 0
		return fmt.Sprintf("%s streams: %t %t", what, rpc.streamIn, rpc.streamOut)
	case 7:
		rpc.doc = c.name("Comment ")
		return "comment of " + what
	case 8:
		return c.changeService(r, s)
	}
	from, to := pick(r, c.messages), c.name("Message")
	c.renameMessage(from, to)
	return "message renamed: " + from + " to " + to
}

func (c *randomContract) changeService(r *rand.Rand, s *randomService) string {
	switch n := r.IntN(3); {
	case n == 0 && len(c.services) > 1:
		c.services = slices.DeleteFunc(c.services, func(x *randomService) bool { return x == s })
		return "service removed: " + s.name
	case n == 1:
		was := s.name
		s.name = c.name("Svc")
		return "service renamed: " + was + " to " + s.name
	}
	return "service added: " + c.addService(r).name
}

func (c *randomContract) renameMessage(from, to string) {
	c.messages[slices.Index(c.messages, from)] = to
	for _, s := range c.services {
		for _, rpc := range s.rpcs {
			if rpc.in == from {
				rpc.in = to
			}
			if rpc.out == from {
				rpc.out = to
			}
		}
	}
}

// files are the sources of the contract, by path in the project.
func (c *randomContract) files() map[string]string {
	text := map[string]*strings.Builder{}
	for _, s := range c.services {
		b := text[s.pkg]
		if b == nil {
			b = &strings.Builder{}
			text[s.pkg] = b
			fmt.Fprintf(b, "syntax = \"proto3\";\npackage %s;\n", s.pkg)
			for _, m := range c.messages {
				fmt.Fprintf(b, "message %s {}\n", m)
			}
		}
		s.write(b)
	}
	files := map[string]string{}
	for pkg, b := range text {
		files["api/"+strings.ReplaceAll(pkg, ".", "/")+"/x.proto"] = b.String()
	}
	return files
}

func (s *randomService) write(b *strings.Builder) {
	fmt.Fprintf(b, "service %s {\n", s.name)
	for _, rpc := range s.rpcs {
		if rpc.doc != "" {
			fmt.Fprintf(b, "  // %s\n", rpc.doc)
		}
		stream := map[bool]string{true: "stream "}
		fmt.Fprintf(b, "  rpc %s(%s%s) returns (%s%s);\n", rpc.name, stream[rpc.streamIn], rpc.in, stream[rpc.streamOut], rpc.out)
	}
	b.WriteString("}\n")
}
