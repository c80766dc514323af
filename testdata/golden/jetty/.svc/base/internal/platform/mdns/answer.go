package mdns

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// answer are the records of one message, which anybody on the network may have sent, by lower-cased names.
type answer struct {
	instances []string // names of entries
	srv       map[string]*dns.SRV
	txt       map[string]*dns.TXT
	addrs     map[string]netip.Addr // of hosts: the first IPv4 address before the first other one
}

// entries returns what a message tells of a service. What isn't whole, or isn't in order, is left out.
func entries(message *dns.Msg, namespace, service string) []Entry {
	a := answer{srv: map[string]*dns.SRV{}, txt: map[string]*dns.TXT{}, addrs: map[string]netip.Addr{}}
	for _, record := range append(message.Answer, message.Extra...) {
		a.read(record, subtype(service))
	}
	slices.Sort(a.instances)
	var found []Entry
	for _, name := range slices.Compact(a.instances) { // a message has room for hundreds of one
		if e, ok := a.entry(name); ok && e.Namespace == namespace && e.Service == service {
			found = append(found, e)
		}
	}
	return found
}

func (a *answer) read(record dns.RR, asked string) {
	name := strings.ToLower(record.Header().Name)
	switch r := record.(type) {
	case *dns.PTR:
		if strings.EqualFold(name, asked) {
			a.instances = append(a.instances, strings.ToLower(r.Ptr))
		}
	case *dns.SRV:
		a.srv[name] = r
	case *dns.TXT:
		a.txt[name] = r
	case *dns.A:
		a.locate(name, r.A)
	case *dns.AAAA:
		a.locate(name, r.AAAA)
	}
}

// locate keeps the address of a host. One that is of a network card's own link can't be dialled without naming the card.
func (a *answer) locate(name string, ip net.IP) {
	addr, ok := netip.AddrFromSlice(ip)
	addr = addr.Unmap()
	if !ok || addr.IsUnspecified() || addr.IsMulticast() || addr.Is6() && addr.IsLinkLocalUnicast() {
		return
	}
	if known, ok := a.addrs[name]; !ok || known.Is6() && addr.Is4() {
		a.addrs[name] = addr
	}
}

func (a *answer) entry(name string) (e Entry, ok bool) {
	srv, txt := a.srv[name], a.txt[name]
	if srv == nil || txt == nil || srv.Port == 0 || srv.Target == "." {
		return Entry{}, false
	}
	host := strings.TrimSuffix(unescape(srv.Target), ".")
	if addr, ok := a.addrs[strings.ToLower(srv.Target)]; ok {
		host = addr.String()
	}
	e = Entry{
		Addr:     net.JoinHostPort(host, strconv.Itoa(int(srv.Port))),
		Metadata: map[string]string{},
		TTL:      time.Duration(srv.Hdr.Ttl) * time.Second,
	}
	for _, text := range txt.Txt {
		key, value, _ := strings.Cut(unescape(text), "=")
		e.say(key, value)
	}
	return e, true
}

// say takes over a text of the entry. Of several with one key the first counts.
func (e *Entry) say(key, value string) {
	_, said := e.Metadata[key]
	switch {
	case key == namespaceKey && e.Namespace == "":
		e.Namespace = value
	case key == serviceKey && e.Service == "":
		e.Service = value
	case key != "" && key != namespaceKey && key != serviceKey && !said:
		e.Metadata[key] = value
	}
}
