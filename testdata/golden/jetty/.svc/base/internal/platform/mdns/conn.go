package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
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
	asked, err := c.ask(service)
	if err != nil {
		return fmt.Errorf("mdns: %w", err)
	}
	for {
		message, err := c.next(asked)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("mdns: %w", err)
		}
		for _, e := range entries(message, namespace, service) {
			heard(e)
		}
	}
}

// next waits for an answer from a network that was asked. Anybody may send anything.
func (c *Conn) next(asked networks) (*dns.Msg, error) {
	for {
		n, sender, err := c.conn.ReadFromUDPAddrPort(c.buffer)
		if err != nil {
			return nil, err
		}
		message := new(dns.Msg)
		if asked.have(sender.Addr()) && message.Unpack(c.buffer[:n]) == nil && message.Response {
			return message, nil
		}
	}
}

// ask sends the question to all networks, and returns those that it went to. One is enough: a notebook's come and go.
func (c *Conn) ask(service string) (asked networks, err error) {
	question := dns.Msg{Question: []dns.Question{{Name: subtype(service), Qtype: dns.TypePTR, Qclass: dns.ClassINET}}}
	packed, err := question.Pack()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range c.interfaces {
		reached, err := c.send(packed, name)
		if err != nil {
			errs = append(errs, err)
		}
		asked = append(asked, reached...)
	}
	if len(errs) < len(c.interfaces) {
		return asked, nil
	}
	return nil, errors.Join(errs...)
}

func (c *Conn) send(packed []byte, name string) (networks, error) {
	card, err := lookup(name)
	if err != nil {
		return nil, err
	}
	if err := ipv4.NewPacketConn(c.conn).SetMulticastInterface(card); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := c.conn.WriteTo(packed, group); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return networksOf(card)
}
