package e2e_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// network leads to an address, slowly, or holds back what is sent until it has healed. Nothing gets lost.
type network struct {
	listener net.Listener
	to       string
	latency  time.Duration
	sent     chan struct{} // closed when somebody has sent something
	healed   chan struct{}
	note     func()
	relays   sync.WaitGroup
}

// startNetwork starts one that holds everything back.
func startNetwork(t *testing.T, to string, latency time.Duration) *network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{listener: listener, to: to, latency: latency, sent: make(chan struct{}), healed: make(chan struct{})}
	n.note = sync.OnceFunc(func() { close(n.sent) })
	n.relays.Go(n.serve)
	return n
}

func (n *network) addr() string { return n.listener.Addr().String() }

// heal lets pass what was held back.
func (n *network) heal() { close(n.healed) }

// deliver takes no more connections, and returns when all that was sent has arrived.
func (n *network) deliver() {
	_ = n.listener.Close()
	n.relays.Wait()
}

func (n *network) serve() {
	for {
		client, err := n.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", n.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		n.relays.Go(func() { n.relay(server, client) })
		n.relays.Go(func() { n.relay(client, server) })
	}
}

func (n *network) relay(to, from net.Conn) {
	defer func() { _ = to.(*net.TCPConn).CloseWrite() }() // its only error is that the connection has ended
	for buffer := make([]byte, 64<<10); ; {
		size, err := from.Read(buffer)
		if err != nil {
			return
		}
		n.note()
		<-time.After(n.latency)
		<-n.healed
		if _, err := to.Write(buffer[:size]); err != nil {
			_, _ = io.Copy(io.Discard, from) // nobody is there to read it
			return
		}
	}
}
