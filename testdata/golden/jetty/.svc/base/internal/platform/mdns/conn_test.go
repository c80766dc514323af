package mdns

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"

	"example.com/jetty/internal/platform/mdnstest"
)

// query returns what is heard of a service until as many entries are, or none more are to be expected.
func query(t *testing.T, namespace, service string, want int) []Entry {
	t.Helper()
	conn, err := Listen([]string{"none", mdnstest.Loopback(t)}) // one is enough
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	wait := 10 * time.Second
	if want == 0 {
		wait = 200 * time.Millisecond
	}
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var found []Entry
	if err := conn.Query(ctx, namespace, service, wait, func(e Entry) {
		if found = append(found, e); len(found) == want {
			enough()
		}
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// entryOf returns an entry that no other test has: multicast is the whole machine's.
func entryOf() Entry {
	return Entry{
		Namespace: rand.Text(), Service: "a.v1.A", Addr: "127.0.0.1:9", TTL: 2 * time.Second, Metadata: map[string]string{"app": "a"},
	}
}

func serve(t *testing.T, e Entry) *Server {
	t.Helper()
	server, err := Serve([]string{mdnstest.Loopback(t)}, []Entry{e}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func TestServeAndQuery(t *testing.T) {
	t.Parallel()
	e := entryOf()
	server := serve(t, e)
	if got := query(t, e.Namespace, e.Service, 1); len(got) != 1 || !reflect.DeepEqual(got[0], e) {
		t.Errorf("got %+v, want %+v", got, e)
	}
	if got := query(t, e.Namespace+"x", e.Service, 0); got != nil {
		t.Errorf("another namespace has %+v", got)
	}
	server.Close()
	if got := query(t, e.Namespace, e.Service, 0); got != nil {
		t.Errorf("after the end: %+v", got)
	}
}

// TestTwoServersAtOnce has two processes on one machine, as far as the network is concerned.
func TestTwoServersAtOnce(t *testing.T) {
	t.Parallel()
	a := entryOf()
	b := a
	b.Addr = "127.0.0.1:10"
	serve(t, a)
	serve(t, b)
	if got := query(t, a.Namespace, a.Service, 2); len(got) != 2 || got[0].Addr == got[1].Addr {
		t.Errorf("got %+v", got)
	}
}

// TestNoise has somebody answer with whatever comes to mind.
func TestNoise(t *testing.T) {
	t.Parallel()
	conn, err := Listen([]string{mdnstest.Loopback(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	noise, err := net.Dial("udp4", net.JoinHostPort("127.0.0.1", strings.Split(conn.conn.LocalAddr().String(), ":")[1]))
	if err != nil {
		t.Fatal(err)
	}
	e := entryOf()
	z, err := newZone([]Entry{e})
	if err != nil {
		t.Fatal(err)
	}
	answer := &dns.Msg{Answer: z.Records(dns.Question{Name: subtype(e.Service)})}
	asking, err := answer.Pack() // a question, by its header
	if err != nil {
		t.Fatal(err)
	}
	answer.Response = true
	whole, err := answer.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, packet := range [][]byte{nil, []byte("x"), make([]byte, 60000), asking, whole[:len(whole)-1], whole} {
		if _, err := noise.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	heard := 0
	if err := conn.Query(ctx, e.Namespace, e.Service, 10*time.Second, func(got Entry) {
		heard++
		enough()
		if !reflect.DeepEqual(got, e) {
			t.Errorf("got %+v", got)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if heard != 1 {
		t.Errorf("heard %d", heard)
	}
}

func TestStrangersFromAfarAreNotHeard(t *testing.T) {
	lan := networks{netip.MustParsePrefix("192.0.2.7/24")}
	for sender, want := range map[string]bool{
		"192.0.2.1": true, "::ffff:192.0.2.1": true, "192.0.3.1": false, "127.0.0.1": false, "2001:db8::1": false,
	} {
		if got := lan.have(netip.MustParseAddr(sender)); got != want {
			t.Errorf("%s: got %v", sender, got)
		}
	}
	card, err := lookup(mdnstest.Loopback(t))
	if err != nil {
		t.Fatal(err)
	}
	own, err := networksOf(card)
	if err != nil {
		t.Fatal(err)
	}
	if !own.have(netip.MustParseAddr("127.0.0.1")) || own.have(netip.MustParseAddr("192.0.2.255")) || own.have(netip.MustParseAddr("127.9.9.9")) {
		t.Errorf("loopback reaches %v", own)
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range all { // a question on loopback comes from any of them
		if !own.have(netip.MustParsePrefix(addr.String()).Addr()) {
			t.Errorf("loopback does not reach %v", addr)
		}
	}
}

func TestAnswersFromAfarAreLeftAlone(t *testing.T) {
	conn, err := Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	stranger, err := net.Dial("udp4", net.JoinHostPort("127.0.0.1", strings.Split(conn.conn.LocalAddr().String(), ":")[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	packet, err := (&dns.Msg{MsgHdr: dns.MsgHdr{Response: true}}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]error{"127.0.0.0/8": nil, "192.0.2.0/24": os.ErrDeadlineExceeded} {
		if _, err := stranger.Write(packet); err != nil {
			t.Fatal(err)
		}
		if err := conn.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.next(networks{netip.MustParsePrefix(asked)}); !errors.Is(err, want) {
			t.Errorf("%s was asked: got %v", asked, err)
		}
	}
}

func TestInterfacesThatAreNotThere(t *testing.T) {
	conn, err := Listen([]string{"none"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.Query(t.Context(), "a", "a.v1.A", time.Minute, nil)
	if lo := mdnstest.Loopback(t); err == nil || !strings.Contains(err.Error(), "no network interface none, only ") || !strings.Contains(err.Error(), lo) {
		t.Errorf("got %v", err)
	}
	if _, err := Serve([]string{"none", "nor"}, nil, slog.Default()); err == nil {
		t.Error("no error")
	}
}

func TestServeOnThoseThatAreThere(t *testing.T) {
	t.Parallel()
	e, lo := entryOf(), mdnstest.Loopback(t)
	var log bytes.Buffer
	server, err := Serve([]string{"none", lo}, []Entry{e}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if got := query(t, e.Namespace, e.Service, 1); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(log.String(), "no network interface none") {
		t.Errorf("logged %s", &log)
	}
}

// TestJoin has an interface that comes, is replaced, and goes.
func TestJoin(t *testing.T) {
	t.Parallel()
	e, lo := entryOf(), mdnstest.Loopback(t)
	server := serve(t, e)
	defer server.Close()
	join := func() *mdns.Server {
		t.Helper()
		if err := server.Join(); err != nil {
			t.Fatal(err)
		}
		return server.answering[lo].Server
	}
	before := join()
	if join() != before {
		t.Error("joins again what it has joined")
	}
	server.answering[lo] = member{before, -1}
	if join() == before {
		t.Error("stays with an interface that was replaced")
	}
	if got := query(t, e.Namespace, e.Service, 1); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
	server.interfaces = []string{"none"}
	server.answering = map[string]member{"none": server.answering[lo]}
	if err := server.Join(); err == nil || len(server.answering) != 0 {
		t.Errorf("got %v, and still on %v", err, server.answering)
	}
	if got := query(t, e.Namespace, e.Service, 0); got != nil {
		t.Errorf("after the end: %+v", got)
	}
}
