package faults_test

import (
	"testing"
	"time"

	"example.com/harbour/internal/platform/faultproxy"
)

// TestCrash has instances vanish without a word: nobody is told of them from then on, and after a minute, which is the
// least that Consul takes and which it looks for every 30 s, they are forgotten. Those who live are not the worse for it.
func TestCrash(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		const reaped, every = time.Minute, 30 * time.Second
		a := startConsul(t)
		p := faultproxy.New(t, a.http)
		lives, crashes := register(t, check, a.http), register(t, check, p.Addr())
		a.awaitListed(t, patience, lives, crashes)
		calls := startCaller(t, at(a.http))
		p.Cut()
		crashed := time.Now()
		crashes.stop()
		a.awaitListed(t, 2*ttl+2*time.Second, lives)
		a.awaitEntries(t, time.Second, 2) // one of which is critical
		a.awaitEntries(t, reaped+every+10*time.Second, 1)
		a.awaitListed(t, time.Second, lives)
		calls.expectOnly(func(f failure) bool { return f.during(crashed, crashes.addr) })
	})
}
