// Package mdns says, and hears, who serves what on the local network: by DNS-SD (RFC 6763) over multicast DNS (RFC 6762).
package mdns

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	domain   = "local."
	kind     = "_grpc._tcp." + domain             // what all entries are instances of
	kinds    = "_services._dns-sd._udp." + domain // what is there, for those who browse
	maxLabel = 63                                 // of one part of a name
	maxText  = 255                                // of one text of an entry

	// namespaceKey and serviceKey are the texts which an entry is found by. The others are its metadata.
	namespaceKey = "namespace"
	serviceKey   = "service"
)

// Entry is one instance of one service: an instance of the DNS-SD service _grpc._tcp, of the subtype that is called like
// the gRPC service. Its TXT record has the namespace and the service, to the letter, and the metadata.
type Entry struct {
	Namespace string
	Service   string // fully-qualified name
	Addr      string // host:port
	Metadata  map[string]string
	TTL       time.Duration // how long those who have heard of the entry may rely on it
}

// subtype is what a service is asked for by.
func subtype(service string) string { return label(service) + "._sub." + kind }

// name is the entry's own: an instance that is started again has the same one.
func (e Entry) name() string { return label(e.Namespace+"/"+e.Service+"/"+e.Addr) + "." + kind }

// label returns text as a part of a name, or else its sum when it is too long for one.
func label(text string) string {
	if len(text) > maxLabel {
		sum := sha256.Sum256([]byte(text))
		text = hex.EncodeToString(sum[:16])
	}
	return escape(text)
}

// about returns the records of the entry. They fail to be packed into a message when a name or a text is too long.
func (e Entry) about() ([]dns.RR, error) {
	host, text, err := net.SplitHostPort(e.Addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("%q has no port that can be dialled", e.Addr)
	}
	target, addrs := e.locate(host)
	srv := &dns.SRV{Hdr: e.header(e.name(), dns.TypeSRV), Port: uint16(port), Target: target}
	txt := &dns.TXT{Hdr: e.header(e.name(), dns.TypeTXT), Txt: e.texts()}
	return append([]dns.RR{srv, txt}, addrs...), nil
}

// locate returns the name of a host, and its address when that is the only name that it has.
func (e Entry) locate(host string) (target string, addrs []dns.RR) {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return dns.Fqdn(host), nil
	}
	ip = ip.Unmap().WithZone("")
	target = "grpc-" + strings.NewReplacer(".", "-", ":", "-").Replace(ip.String()) + "." + domain
	if ip.Is4() {
		return target, []dns.RR{&dns.A{Hdr: e.header(target, dns.TypeA), A: ip.AsSlice()}}
	}
	return target, []dns.RR{&dns.AAAA{Hdr: e.header(target, dns.TypeAAAA), AAAA: ip.AsSlice()}}
}

func (e Entry) header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: uint32(e.TTL.Seconds())}
}

// texts are the entry's namespace, service and metadata. Metadata that is too long for DNS is left out.
func (e Entry) texts() []string {
	texts := []string{escape(namespaceKey + "=" + e.Namespace), escape(serviceKey + "=" + e.Service)}
	var more []string
	for key, value := range e.Metadata {
		if text := key + "=" + value; len(text) <= maxText {
			more = append(more, escape(text))
		}
	}
	slices.Sort(more)
	return append(texts, more...)
}

// special are the characters that need a backslash before them in a name.
const special = `. '@;()"\`

// escape writes text in the way in which dns has names and texts.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		case strings.IndexByte(special, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape is the opposite of escape.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:min(i+4, len(text))], 10, 8); err == nil && i+3 < len(text) {
				b.WriteByte(byte(code))
				i += 3
				continue
			}
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
