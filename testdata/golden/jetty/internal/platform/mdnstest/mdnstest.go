// Package mdnstest is for tests of multicast, which does not leave the machine in them.
package mdnstest

import (
	"net"
	"testing"
)

// Loopback returns the name of the interface that leads to the machine itself: lo, lo0.
func Loopback(t testing.TB) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, card := range all {
		if card.Flags&net.FlagLoopback != 0 && card.Flags&net.FlagUp != 0 {
			return card.Name
		}
	}
	t.Fatal("this machine has no loopback interface that is up")
	return ""
}
