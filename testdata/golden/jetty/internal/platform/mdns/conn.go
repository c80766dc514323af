package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
)

// maxMessage is the longest message, by RFC 6762. Longer ones are not read.
const maxMessage = 9000

// group is where everybody hears a question.
var group = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// Conn asks for one service after the other. The client of hashicorp/mdns is not used: it keeps whatever it is sent, takes
// answers about anything for its own, asks once more for each, and goes on after its context.
type Conn struct {
	interfaces []string
	conn       *net.UDPConn
	buffer     []byte
}

// Listen returns a connection to the networks that the named interfaces are on. They are looked up with each question.
func Listen(interfaces []string) (*Conn, error) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	return &Conn{interfaces: interfaces, conn: conn, buffer: make([]byte, maxMessage)}, nil
}

// Close hangs up.
func (c *Conn) Close() error { return c.conn.Close() }

// Query asks for a service, and tells of each entry that it hears of until d is over, or ctx is done. It fails when nobody
// can be asked. Those who are asked answer more than once, or not at all: nothing is certain.
func (c *Conn) Query(ctx context.Context, namespace, service string, d time.Duration, heard func(Entry)) error {
	if err := c.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return fmt.Errorf("mdns: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetReadDeadline(time.Now()) }) // or it is closed
	defer stop()
	if err := c.ask(service); err != nil {
		return fmt.Errorf("mdns: %w", err)
	}
	for {
		n, err := c.conn.Read(c.buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("mdns: %w", err)
		}
		var message dns.Msg
		if err := message.Unpack(c.buffer[:n]); err != nil || !message.Response {
			continue // anybody may send anything
		}
		for _, e := range entries(&message, namespace, service) {
			heard(e)
		}
	}
}

// ask sends the question to all networks. One of them is enough: a notebook's come and go.
func (c *Conn) ask(service string) error {
	question := dns.Msg{Question: []dns.Question{{Name: subtype(service), Qtype: dns.TypePTR, Qclass: dns.ClassINET}}}
	packed, err := question.Pack()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range c.interfaces {
		if err := c.send(packed, name); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) < len(c.interfaces) {
		return nil
	}
	return errors.Join(errs...)
}

func (c *Conn) send(packed []byte, name string) error {
	card, err := lookup(name)
	if err != nil {
		return err
	}
	if err := ipv4.NewPacketConn(c.conn).SetMulticastInterface(card); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := c.conn.WriteTo(packed, group); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// lookup returns an interface, or says which ones there are.
func lookup(name string) (*net.Interface, error) {
	card, err := net.InterfaceByName(name)
	if err == nil {
		return card, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, other := range all {
		names = append(names, other.Name)
	}
	return nil, fmt.Errorf("there is no network interface %s, only %s", name, strings.Join(names, ", "))
}
