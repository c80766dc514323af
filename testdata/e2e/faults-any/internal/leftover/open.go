package leftover

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// Open is what a whole process has open. It is for tests that run alone, and sees what has no label, too.
type Open struct {
	Goroutines int
	Files      int // which sockets are, too
}

// Settled returns the least that is open during a second: what closes is over then.
func Settled(t *testing.T) Open {
	t.Helper()
	least := count(t)
	for begin := time.Now(); time.Since(begin) < time.Second; <-time.After(10 * time.Millisecond) {
		now := count(t)
		least = Open{min(least.Goroutines, now.Goroutines), min(least.Files, now.Files)}
	}
	return least
}

// ExpectNoMore has the test fail unless soon no more is open than was before.
func ExpectNoMore(t *testing.T, before Open) {
	t.Helper()
	now := count(t)
	for begin := time.Now(); now.Goroutines > before.Goroutines || now.Files > before.Files; now = count(t) {
		if time.Since(begin) > limit {
			t.Errorf("open are %+v, which were %+v", now, before)
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Logf("open are %+v, which were %+v", now, before)
}

func count(t *testing.T) Open {
	t.Helper()
	files, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return Open{Goroutines: runtime.NumGoroutine(), Files: len(files)}
}
