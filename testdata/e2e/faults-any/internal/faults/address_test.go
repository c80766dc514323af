package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// free returns an address that nobody listens on. It is below those that the system gives to connections, of which there
// are many: a server that is started anew has the address that it had before.
func free(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12000+rand.N(18000))
		if listener, err := net.Listen("tcp", addr); err == nil {
			_ = listener.Close()
			return addr
		}
	}
	t.Fatal("no address is free")
	return ""
}
