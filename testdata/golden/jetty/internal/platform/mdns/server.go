package mdns

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
)

// Server answers those who ask for entries.
type Server struct {
	interfaces []string
	zone       mdns.Zone
	log        *slog.Logger
	answering  map[string]member // by the names of interfaces
}

// member answers on one network. An interface that is plugged in again is another one, of another index.
type member struct {
	*mdns.Server
	index int
}

// Serve answers questions about entries on the networks that the named interfaces are on, until it is closed. One of them
// is enough.
func Serve(interfaces []string, entries []Entry, log *slog.Logger) (*Server, error) {
	zone, err := newZone(entries)
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	s := &Server{interfaces: interfaces, zone: zone, log: log, answering: map[string]member{}}
	if err := s.Join(); err != nil {
		return nil, err
	}
	return s, nil
}

// Join has the server answer on the networks that are there by now: a notebook's come and go. It fails when none is.
func (s *Server) Join() error {
	before := len(s.answering)
	var errs []error
	for _, name := range s.interfaces {
		if err := s.join(name); err != nil {
			errs = append(errs, fmt.Errorf("mdns: %w", err))
		}
	}
	missing := errors.Join(errs...)
	switch {
	case len(s.answering) == 0:
		return missing
	case len(s.answering) == before:
	case missing != nil:
		s.log.Warn("answering on some networks only, and trying the others again", "error", missing)
	default:
		s.log.Info("answering on all networks")
	}
	return nil
}

// join has hashicorp/mdns answer. What that logs is about what others send, of which there is no end.
func (s *Server) join(name string) error {
	card, err := lookup(name)
	known, joined := s.answering[name]
	if joined && err == nil && known.index == card.Index {
		return nil
	}
	if joined {
		s.leave(name)
	}
	if err != nil {
		return err
	}
	server, err := mdns.NewServer(&mdns.Config{Zone: s.zone, Iface: card, Logger: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.answering[name] = member{server, card.Index}
	return nil
}

func (s *Server) leave(name string) {
	_ = s.answering[name].Shutdown() // its only error is that it was closed
	delete(s.answering, name)
}

// Close stops answering.
func (s *Server) Close() {
	for name := range s.answering {
		s.leave(name)
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
