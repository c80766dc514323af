package mdns

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestEscape(t *testing.T) {
	for _, text := range []string{"", "shop.v1.Cart", `a b\c"d`, "Zürich\x00\xff", "a;(b)@'", `\`, "1234"} {
		if got := unescape(escape(text)); got != text {
			t.Errorf("%q: got %q", text, got)
		}
	}
	for _, odd := range []string{`\`, `\1`, `\12`, `\999`, `a\`} {
		_ = unescape(odd) // does not panic
	}
}

// send returns a message as it arrives.
func send(t *testing.T, message *dns.Msg) *dns.Msg {
	t.Helper()
	packed, err := message.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var arrived dns.Msg
	if err := arrived.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	return &arrived
}

// ask returns what the zone of some entries answers.
func ask(t *testing.T, name string, all ...Entry) *dns.Msg {
	t.Helper()
	z, err := newZone(all)
	if err != nil {
		t.Fatal(err)
	}
	question := send(t, &dns.Msg{Question: []dns.Question{{Name: name, Qtype: dns.TypePTR, Qclass: dns.ClassINET}}})
	return send(t, &dns.Msg{Answer: z.Records(question.Question[0])})
}

func TestEntriesAreHeardAsTheyWereSaid(t *testing.T) {
	long := "acme." + strings.Repeat("long", 30) + ".v1.Service"
	for _, want := range []Entry{
		{Namespace: "default", Service: "a.v1.A", Addr: "192.0.2.1:9090", Metadata: map[string]string{"app": "a", "weight": "3"}},
		{Namespace: "team a/prod", Service: "a.v1.A", Addr: "[2001:db8::1]:1", Metadata: map[string]string{"zone": `"\ü`}},
		{Namespace: "a", Service: long, Addr: "host.example:65535", Metadata: map[string]string{"a": "", "b": "=c="}},
	} {
		want.TTL = 10 * time.Second
		got := entries(ask(t, subtype(want.Service), want), want.Namespace, want.Service)
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// TestOthersAreNotHeard has names that read alike to DNS, or begin alike.
func TestOthersAreNotHeard(t *testing.T) {
	said := Entry{Namespace: "dev", Service: "a.v1.A", Addr: "192.0.2.1:1"}
	message := ask(t, subtype(said.Service), said)
	for _, other := range [][2]string{{"prod", "a.v1.A"}, {"Dev", "a.v1.A"}, {"dev", "a.v1.a"}, {"de", "v/a.v1.A"}} {
		if got := entries(message, other[0], other[1]); got != nil {
			t.Errorf("%s: got %v", other, got)
		}
	}
	for _, other := range []string{"a.v1", "a.v1.A-b", "v1.A"} {
		if got := ask(t, subtype(other), said); len(got.Answer) != 0 {
			t.Errorf("%s: got %v", other, got.Answer)
		}
	}
}

func TestBrowsersSeeAll(t *testing.T) {
	a, b := Entry{Namespace: "dev", Service: "a.v1.A", Addr: "192.0.2.1:1"}, Entry{Namespace: "dev", Service: "b.v1.B", Addr: "192.0.2.1:1"}
	if got := ask(t, strings.ToUpper(kinds), a, b).Answer; len(got) != 1 || got[0].(*dns.PTR).Ptr != kind {
		t.Errorf("got %v", got)
	}
	got := ask(t, kind, a, b).Answer
	if len(got) != 8 || got[0].(*dns.PTR).Ptr != a.name() || got[4].(*dns.PTR).Ptr != b.name() {
		t.Errorf("got %v", got)
	}
	if got := ask(t, a.name(), a, b).Answer; len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if got := ask(t, "grpc-192-0-2-1.local.", a, b).Answer; len(got) != 1 || got[0].(*dns.A).A.String() != "192.0.2.1" {
		t.Errorf("got %v", got)
	}
}

func TestEntriesThatCannotBeSaid(t *testing.T) {
	for _, e := range []Entry{
		{Addr: "host"}, {Addr: "host:0"}, {Addr: "host:http"}, {Addr: "host:65536"},
		{Addr: "host:1", Service: strings.Repeat("a", 300)}, {Addr: strings.Repeat("a", 64) + ":1"},
	} {
		if _, err := newZone([]Entry{e}); err == nil {
			t.Errorf("%+v: no error", e)
		}
	}
}

func TestMetadataThatIsTooLongIsLeftOut(t *testing.T) {
	e := Entry{Service: "a.v1.A", Addr: "192.0.2.1:1", Metadata: map[string]string{"a": strings.Repeat("x", 254), "b": strings.Repeat("\xff", 253)}}
	got := entries(ask(t, subtype(e.Service), e), "", e.Service)
	delete(e.Metadata, "a")
	if len(got) != 1 || !maps.Equal(got[0].Metadata, e.Metadata) {
		t.Errorf("got %v", got)
	}
}

// foreign is an answer of another program, in the records' text form.
func foreign(t *testing.T, records ...string) *dns.Msg {
	t.Helper()
	message := &dns.Msg{}
	for _, text := range records {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		message.Extra = append(message.Extra, record)
	}
	return send(t, message)
}

func TestOtherPrograms(t *testing.T) {
	const (
		ptr  = `a\.v1\.A._sub._grpc._tcp.local. 75 IN PTR My\032App._grpc._tcp.local.`
		srv  = `my\032app._grpc._tcp.local. 120 IN SRV 0 0 80 box.local.`
		txt  = `My\032App._grpc._tcp.local. 75 IN TXT "service=a.v1.A" "namespace=dev" "zone=b" "zone=c" "flag" "=x" "service=other"`
		a    = `BOX.local. 120 IN A 192.0.2.7`
		aaaa = `box.local. 120 IN AAAA 2001:db8::7`
	)
	for name, test := range map[string]struct {
		records []string
		addr    string
	}{
		"whole":                 {[]string{ptr, srv, txt, aaaa, a}, "192.0.2.7:80"},
		"in any order":          {[]string{a, txt, srv, ptr}, "192.0.2.7:80"},
		"IPv6":                  {[]string{ptr, srv, txt, aaaa}, "[2001:db8::7]:80"},
		"a name":                {[]string{ptr, srv, txt}, "box.local:80"},
		"not to be dialled":     {[]string{ptr, srv, txt, "box.local. 1 IN A 0.0.0.0", "box.local. 1 IN AAAA fe80::1"}, "box.local:80"},
		"nobody's":              {[]string{srv, txt, a}, ""},
		"no address":            {[]string{ptr, txt, a}, ""},
		"no text":               {[]string{ptr, srv, a}, ""},
		"no port":               {[]string{ptr, `My\032App._grpc._tcp.local. 1 IN SRV 0 0 0 box.local.`, txt}, ""},
		"not there":             {[]string{ptr, `My\032App._grpc._tcp.local. 1 IN SRV 0 0 80 .`, txt}, ""},
		"says nothing of which": {[]string{ptr, srv, `My\032App._grpc._tcp.local. 1 IN TXT "x"`, a}, ""},
	} {
		got := entries(foreign(t, test.records...), "dev", "a.v1.A")
		switch {
		case test.addr == "" && got != nil:
			t.Errorf("%s: got %+v", name, got)
		case test.addr != "" && (len(got) != 1 || got[0].Addr != test.addr || got[0].TTL != 120*time.Second):
			t.Errorf("%s: got %+v", name, got)
		case test.addr != "" && !maps.Equal(got[0].Metadata, map[string]string{"zone": "b", "flag": ""}):
			t.Errorf("%s: metadata is %v", name, got[0].Metadata)
		}
	}
}

func TestNamesThatAreRepeated(t *testing.T) {
	said := Entry{Namespace: "dev", Service: "a.v1.A", Addr: "192.0.2.1:1"}
	message := ask(t, subtype(said.Service), said, said)
	if got := entries(message, said.Namespace, said.Service); len(got) != 1 || got[0].Addr != said.Addr {
		t.Errorf("got %v", got)
	}
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		var message dns.Msg
		if message.Unpack(packet) == nil {
			entries(&message, "", "a.v1.A")
		}
	})
}
