package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// usage is what an app has open, by its own account: what a fault must not leave more of. Sockets are files, too. Being asked
// may cost a goroutine, or not; what a fault leaves to the last one, the tests of parts find (testdata/e2e, leftover).
type usage struct{ goroutines, files float64 }

// usage returns the least of a few looks: an app that is called has a goroutine for each call.
func (p *process) usage(t *testing.T) usage {
	t.Helper()
	least := p.openNow(t)
	for range 9 {
		<-time.After(20 * time.Millisecond)
		now := p.openNow(t)
		least = usage{min(least.goroutines, now.goroutines), min(least.files, now.files)}
	}
	return least
}

func (p *process) openNow(t *testing.T) usage {
	t.Helper()
	_, admin := p.serving(t)
	_, metrics := get(t, admin, "/metrics")
	return usage{metric(t, metrics, "go_goroutines"), metric(t, metrics, "process_open_fds")}
}

const givenBack = 15 * time.Second

// expectNoMore waits until the app has no more open than it had before: what a fault has cost is to be given back soon.
func (p *process) expectNoMore(t *testing.T, before usage) {
	t.Helper()
	now, begin := p.openNow(t), time.Now()
	for ; now.goroutines > before.goroutines || now.files > before.files; now = p.openNow(t) {
		if time.Since(begin) > givenBack {
			t.Errorf("open before: %+v, and after: %+v", before, now)
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Logf("open before: %+v, and after %v: %+v", before, time.Since(begin).Round(time.Millisecond), now)
}

// metric returns the value of a metric without labels.
func metric(t *testing.T, metrics, name string) (value float64) {
	t.Helper()
	for l := range strings.Lines(metrics) {
		if text, ok := strings.CutPrefix(l, name+" "); ok {
			if _, err := fmt.Sscan(text, &value); err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
