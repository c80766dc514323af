package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// usage is what an app has open, by its own account: what a fault must not leave more of. Sockets are files, too.
type usage struct{ goroutines, files int }

func (u usage) exceeds(other usage) bool {
	return u.goroutines > other.goroutines || u.files > other.files
}

// countable is loopback for an app that is to say what its goroutines do.
func countable(app string) []string { return append(loopback(app), app+"_SERVER_ADMIN_PPROF=true") }

// usage returns the least of a few looks: an app that is called has a goroutine for each call.
func (p *process) usage(t *testing.T) usage {
	t.Helper()
	least, _ := p.openNow(t)
	for range 9 {
		<-time.After(20 * time.Millisecond)
		now, _ := p.openNow(t)
		least = usage{min(least.goroutines, now.goroutines), min(least.files, now.files)}
	}
	return least
}

// openNow returns the stacks of the goroutines, too. A profile is asked for them: of those that metrics count, some, now
// more and now less, are what counts them.
func (p *process) openNow(t *testing.T) (now usage, stacks string) {
	t.Helper()
	_, admin := p.serving(t)
	_, metrics := get(t, admin, "/metrics")
	now.files = int(metric(t, metrics, "process_open_fds"))
	code, stacks := get(t, admin, "/debug/pprof/goroutine?debug=1")
	if _, err := fmt.Sscanf(stacks, "goroutine profile: total %d", &now.goroutines); err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, stacks)
	}
	return now, stacks
}

const givenBack = 15 * time.Second

// expectNoMore waits until the app has no more open than it had before: what a fault has cost is to be given back soon.
func (p *process) expectNoMore(t *testing.T, before usage) {
	t.Helper()
	begin := time.Now()
	now, stacks := p.openNow(t)
	for ; now.exceeds(before); now, stacks = p.openNow(t) {
		if time.Since(begin) > givenBack {
			t.Errorf("open before: %+v, and after: %+v\n%s", before, now, stacks)
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
