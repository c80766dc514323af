package discovery

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"example.com/quay/internal/leftover"
)

const (
	domain       = "svc.cluster.local."
	headlessName = "a-headless.prod." + domain

	largest = 1232 // message that goes by UDP: what Go asks for
)

// dnsServer is a cluster's DNS, of one name. It answers by UDP, and by TCP what is too large for that. Whom it would ask for
// names of the world outside is out of reach.
type dnsServer struct {
	t    *testing.T
	addr string

	mu    sync.Mutex
	pods  []string
	code  dnsmessage.RCode // when it isn't to answer; there being no pods is one, too
	of    dnsmessage.Type  // that code is for; 0: all
	mute  bool
	asked int
	byTCP int
}

func startDNS(t *testing.T, pods ...string) *dnsServer {
	t.Helper()
	leftover.ExpectNone(t)
	tcp, udp := listenBoth(t)
	s := &dnsServer{t: t, addr: tcp.Addr().String(), pods: pods}
	var running sync.WaitGroup
	running.Go(func() { s.packets(udp) })
	running.Go(func() { s.connections(tcp) })
	t.Cleanup(func() {
		_, _ = tcp.Close(), udp.Close()
		running.Wait()
	})
	return s
}

// listenBoth listens at one port for TCP and UDP. That the one is free says nothing about the other.
func listenBoth(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 100 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if udp, err := net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return tcp, udp
		}
		_ = tcp.Close()
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

// resolver asks the server, and nobody else.
func (s *dnsServer) resolver() *net.Resolver {
	resolver := clusterDNS()
	resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.addr)
	}
	return resolver
}

func (s *dnsServer) set(pods ...string) { s.change(func() { s.pods, s.code, s.mute = pods, 0, false }) }

func (s *dnsServer) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// lookups is how often the addresses have been asked for.
func (s *dnsServer) lookups() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *dnsServer) packets(conn net.PacketConn) {
	buffer := make([]byte, largest)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer := s.answer(buffer[:n], true); answer != nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

func (s *dnsServer) connections(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.connection(conn)
		_ = conn.Close()
	}
}

// connection has one message, which its length comes before.
func (s *dnsServer) connection(conn net.Conn) {
	var length uint16
	if binary.Read(conn, binary.BigEndian, &length) != nil {
		return
	}
	request := make([]byte, length)
	if _, err := io.ReadFull(conn, request); err != nil {
		return
	}
	if answer := s.answer(request, false); answer != nil {
		_ = binary.Write(conn, binary.BigEndian, uint16(len(answer)))
		_, _ = conn.Write(answer)
	}
}

// answer returns nothing when there is to be none.
func (s *dnsServer) answer(request []byte, short bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parser dnsmessage.Parser
	header, err := parser.Start(request)
	if err == nil {
		var question dnsmessage.Question
		question, err = parser.Question()
		if err == nil && !s.mute && !header.Response { // which is late, for who had the port before
			return s.build(header.ID, question, short)
		}
	}
	if err != nil && !errors.Is(err, dnsmessage.ErrSectionDone) {
		s.t.Errorf("a request that can't be read: %v", err)
	}
	return nil
}

func (s *dnsServer) build(id uint16, question dnsmessage.Question, short bool) []byte {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: id, Response: true, Authoritative: true}, Questions: []dnsmessage.Question{question}}
	name := question.Name.String()
	known := name == headlessName
	switch {
	case !strings.HasSuffix(name, domain):
		m.RCode = dnsmessage.RCodeServerFailure
	case s.code != 0 && (s.of == 0 || s.of == question.Type):
		m.RCode = s.code
	case !known || len(s.pods) == 0:
		m.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		s.asked++
		for _, pod := range s.pods {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 5},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(pod).As4()},
			})
		}
		if !short {
			s.byTCP++
		}
	}
	packed, err := m.Pack()
	if err != nil {
		s.t.Error(err)
		return nil
	}
	if !short || len(packed) <= largest {
		return packed
	}
	m.Truncated, m.Answers = true, nil
	if packed, err = m.Pack(); err != nil {
		s.t.Error(err)
	}
	return packed
}
