package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"example.com/jetty/internal/platform/faultproxy"
)

const (
	soon    = 50 * time.Millisecond // what doesn't happen for so long counts as not happening
	timeout = 5 * time.Second
	nobody  = "127.0.0.1:1" // where no server is
)

// echo starts a server that answers with what it is sent.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn) // ends with the connection
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, p *faultproxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func send(conn net.Conn) { _, _ = conn.Write([]byte("x")) } // what becomes of it, receiving tells

func receive(conn net.Conn, within time.Duration) error {
	_ = conn.SetReadDeadline(time.Now().Add(within)) // of a TCP connection, which has deadlines
	_, err := io.ReadFull(conn, make([]byte, 1))
	return err
}

func expectEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	send(conn)
	if err := receive(conn, timeout); err != nil {
		t.Errorf("no echo: %v", err)
	}
}

func expectSilence(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := receive(conn, soon); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want silence", err)
	}
}

func expectHangUp(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := receive(conn, timeout); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the end of the connection", err)
	}
}

func TestCut(t *testing.T) {
	p := faultproxy.New(t, echo(t))
	conn := dial(t, p)
	expectEcho(t, conn)
	p.Cut()
	expectHangUp(t, conn)
	expectHangUp(t, dial(t, p))
	p.Heal()
	expectEcho(t, dial(t, p))
}

func TestFreezeHoldsBack(t *testing.T) {
	for name, d := range map[string]faultproxy.Direction{
		"to the server": faultproxy.ToServer, "to the client": faultproxy.ToClient,
		"both": faultproxy.ToServer | faultproxy.ToClient,
	} {
		t.Run(name, func(t *testing.T) {
			p := faultproxy.New(t, echo(t))
			old := dial(t, p)
			expectEcho(t, old)
			p.Freeze(d)
			late := dial(t, p)
			send(old)
			send(late)
			expectSilence(t, old)
			expectSilence(t, late)
			p.Heal()
			for _, conn := range []net.Conn{old, late} {
				if err := receive(conn, timeout); err != nil {
					t.Errorf("what was held back does not arrive: %v", err)
				}
			}
		})
	}
}

// TestFreezeTakesConnections has no server at first. Nobody gets to know, until the proxy is healed or cut.
func TestFreezeTakesConnections(t *testing.T) {
	for name, d := range map[string]faultproxy.Direction{
		"to the server": faultproxy.ToServer, "to the client": faultproxy.ToClient,
		"both": faultproxy.ToServer | faultproxy.ToClient,
	} {
		t.Run(name, func(t *testing.T) {
			p := faultproxy.New(t, nobody)
			p.Freeze(d)
			conn := dial(t, p)
			expectSilence(t, conn)
			p.Cut()
			expectHangUp(t, conn)
			p.Heal()
			p.Freeze(d)
			conn = dial(t, p)
			expectSilence(t, conn)
			p.Heal()
			expectHangUp(t, conn)
		})
	}
}

func TestFreezeConnectsLater(t *testing.T) {
	p := faultproxy.New(t, nobody)
	p.Freeze(faultproxy.ToServer)
	conn := dial(t, p)
	send(conn)
	expectSilence(t, conn)
	p.Retarget(echo(t))
	p.Heal()
	if err := receive(conn, timeout); err != nil {
		t.Errorf("what was held back does not arrive: %v", err)
	}
}

func TestFreezeKeepsTheEndOfAConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	p := faultproxy.New(t, listener.Addr().String())
	client := dial(t, p)
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	p.Freeze(faultproxy.ToServer)
	_ = client.Close()
	expectSilence(t, server)
	p.Heal()
	expectHangUp(t, server)
}

func TestLose(t *testing.T) {
	p := faultproxy.New(t, echo(t))
	old := dial(t, p)
	expectEcho(t, old)
	p.Lose()
	send(old)
	expectSilence(t, old)
	expectEcho(t, dial(t, p))
	p.Heal()
	expectSilence(t, old)
}

func TestDelay(t *testing.T) {
	p := faultproxy.New(t, echo(t))
	conn := dial(t, p)
	expectEcho(t, conn)
	p.Delay(soon)
	start := time.Now()
	expectEcho(t, conn)
	if took := time.Since(start); took < 2*soon {
		t.Errorf("there and back took %v, want at least %v", took, 2*soon)
	}
}

func TestRetarget(t *testing.T) {
	p := faultproxy.New(t, nobody)
	expectHangUp(t, dial(t, p))
	p.Retarget(echo(t))
	expectEcho(t, dial(t, p))
}
