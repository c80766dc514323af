package mdns

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
)

// Server answers those who ask for entries.
type Server struct {
	answering []*mdns.Server
}

// Serve answers questions about entries on the networks that the named interfaces are on, until it is closed.
func Serve(interfaces []string, entries []Entry, log *slog.Logger) (*Server, error) {
	zone, err := newZone(entries)
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	s := &Server{}
	for _, name := range interfaces {
		if err := s.answer(name, zone, log); err != nil {
			s.Close()
			return nil, fmt.Errorf("mdns: %w", err)
		}
	}
	return s, nil
}

// answer has hashicorp/mdns answer. What that logs is about what others send, of which there is no end.
func (s *Server) answer(name string, zone mdns.Zone, log *slog.Logger) error {
	card, err := lookup(name)
	if err != nil {
		return err
	}
	server, err := mdns.NewServer(&mdns.Config{Zone: zone, Iface: card, Logger: slog.NewLogLogger(log.Handler(), slog.LevelDebug)})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.answering = append(s.answering, server)
	return nil
}

// Close stops answering.
func (s *Server) Close() {
	for _, server := range s.answering {
		_ = server.Shutdown() // its only error is that it was closed
	}
}

// zone has the answers to questions, by lower-cased names.
type zone map[string][]dns.RR

// Records implements mdns.Zone.
func (z zone) Records(q dns.Question) []dns.RR { return z[strings.ToLower(q.Name)] }

func newZone(entries []Entry) (zone, error) {
	z := zone{}
	for _, e := range entries {
		about, err := e.about()
		if err != nil {
			return nil, err
		}
		whole := &dns.Msg{Answer: append([]dns.RR{e.pointer(subtype(e.Service), e.name())}, about...)}
		if _, err := whole.Pack(); err != nil {
			return nil, fmt.Errorf("%s at %s can't be told by DNS: %w", e.Service, e.Addr, err)
		}
		z[kinds] = []dns.RR{e.pointer(kinds, kind)}
		z.add(kind, append([]dns.RR{e.pointer(kind, e.name())}, about...))
		z.add(subtype(e.Service), whole.Answer)
		z.add(e.name(), about)
		z[strings.ToLower(about[0].(*dns.SRV).Target)] = about[2:]
	}
	return z, nil
}

func (z zone) add(name string, records []dns.RR) {
	name = strings.ToLower(name)
	z[name] = append(z[name], records...)
}

func (e Entry) pointer(from, to string) dns.RR {
	return &dns.PTR{Hdr: e.header(from, dns.TypePTR), Ptr: to}
}
