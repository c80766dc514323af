package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// Ports are given one after the other, from a first one on, lest one be given twice before somebody listens on it.
var (
	firstPort = rand.Int64N(18000)
	given     atomic.Int64
)

// free returns an address that nobody listens on. It is below those that the system gives to connections, of which there
// are many: a server that is started anew has the address that it had before.
func free(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12000+(firstPort+given.Add(1))%18000)
		if listener, err := net.Listen("tcp", addr); err == nil {
			_ = listener.Close()
			return addr
		}
	}
	t.Fatal("no address is free")
	return ""
}

// listen listens on an address of loopback that nobody else has, where the system has more than one: a port of 127.0.0.1
// that a server has given up may soon be another's, which then answers in its place.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 2+rand.N(250), rand.N(250), 1+rand.N(250)))
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	return listener
}
