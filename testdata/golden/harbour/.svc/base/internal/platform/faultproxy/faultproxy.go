// Package faultproxy puts a bad network between a test and a server: connections through it can be cut, frozen, lost,
// slowed down, and made to work one way only.
package faultproxy

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Direction is one half of every connection.
type Direction int

// The directions, which can be combined: ToServer|ToClient.
const (
	ToServer Direction = 1 << iota
	ToClient
)

// Proxy passes TCP connections on to a server. Its zero faults are none; all that are set hold until Heal.
type Proxy struct {
	listener net.Listener

	mu      sync.Mutex
	target  string
	cut     bool
	frozen  Direction
	delay   time.Duration
	links   map[*link]bool
	changed chan struct{} // closed, and replaced, when any of these has changed
	running sync.WaitGroup
}

// New starts a proxy to the server at target, host:port. It ends with the test.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	p := &Proxy{listener: listener, target: target, links: map[*link]bool{}, changed: make(chan struct{})}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close() // its only error is that it was closed
		p.Cut()
		p.running.Wait()
	})
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut ends all connections, and hangs up on new ones: the server, or a firewall, says no.
func (p *Proxy) Cut() {
	p.change(func() {
		p.cut = true
		for l := range p.links {
			l.closed = true
			l.close()
		}
	})
}

// Freeze lets no byte through any more, without telling anybody, in the given directions: a partition. New connections
// are taken, and frozen likewise. What is held back arrives when the proxy is healed, as TCP would have it.
func (p *Proxy) Freeze(d Direction) { p.change(func() { p.frozen |= d }) }

// Lose freezes the connections that there are for good, without telling anybody: a router that was replaced has forgotten
// them. New ones work.
func (p *Proxy) Lose() {
	p.change(func() {
		for l := range p.links {
			l.lost = true
		}
	})
}

// Delay holds each piece of data back, both ways.
func (p *Proxy) Delay(d time.Duration) { p.change(func() { p.delay = d }) }

// Heal takes the faults away. What was lost stays lost.
func (p *Proxy) Heal() { p.change(func() { p.cut, p.frozen, p.delay = false, 0, 0 }) }

// Retarget sends new connections to another server.
func (p *Proxy) Retarget(target string) { p.change(func() { p.target = target }) }

// Connections counts the connections that there are, except for lost ones.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for l := range p.links {
		if !l.lost {
			n++
		}
	}
	return n
}

func (p *Proxy) change(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.connect(client) })
	}
}

func (p *Proxy) connect(client net.Conn) {
	l := &link{client: client}
	defer p.remove(l)
	if !p.add(l) || !p.reach(l) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(l, ToServer, l.server, client) })
	both.Go(func() { p.pass(l, ToClient, client, l.server) })
	both.Wait()
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn // server is nil until it is reached
	lost, closed   bool
}

func (l *link) close() {
	_ = l.client.Close() // either may be closed
	if l.server != nil {
		_ = l.server.Close()
	}
}

// add reports whether the link may be.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cut {
		p.links[l] = true
	}
	return !p.cut
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.close()
	delete(p.links, l)
}

// reach connects a link with the server, once that isn't frozen, and reports whether it is. That the server says no is
// an answer like any other: the client does not get to know while those are frozen.
func (p *Proxy) reach(l *link) bool {
	if !p.hold(l, ToServer) {
		return false
	}
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		p.hold(l, ToClient)
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.server = server
	return !l.closed // it may have been cut meanwhile
}

// pass moves data one way. That an end has hung up is told to the other end like data: not while the link is frozen.
func (p *Proxy) pass(l *link, d Direction, to, from net.Conn) {
	defer l.close()
	buffer := make([]byte, 32<<10)
	for {
		n, readErr := from.Read(buffer)
		p.slow()
		if !p.hold(l, d) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil || readErr != nil {
			return
		}
	}
}

// slow takes the time that the network takes for a piece of data.
func (p *Proxy) slow() {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	time.Sleep(delay)
}

// hold returns when data may go on, and reports whether there is still somewhere to go.
func (p *Proxy) hold(l *link, d Direction) bool {
	for {
		p.mu.Lock()
		frozen, closed, changed := p.frozen&d != 0 || l.lost, l.closed, p.changed
		p.mu.Unlock()
		if !frozen || closed {
			return !closed
		}
		<-changed
	}
}
