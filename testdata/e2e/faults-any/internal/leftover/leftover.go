// Package leftover finds what a test leaves running. Tests run at the same time, so all the goroutines of a process say
// nothing of one of them; but what a goroutine starts has its labels, and those of a test are labelled with its name. A
// connection is among them: what reads it, or has a stream on it, is a goroutine.
package leftover

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	label = "test"
	limit = 10 * time.Second // for what is closed to have ended
)

var watched sync.Map // tests

// ExpectNone has the test fail if a goroutine is left of those that it starts from now on, and of all that these start,
// once it has ended and closed what it has opened since. It is called on the test's own goroutine, and may be more than once.
func ExpectNone(t *testing.T) {
	t.Helper()
	if _, again := watched.LoadOrStore(t, true); again {
		return
	}
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(label, t.Name())))
	t.Cleanup(func() {
		watched.Delete(t)
		if left := await(t); len(left) > 0 && !t.Failed() {
			t.Errorf("goroutines are left:\n%s", strings.Join(left, "\n\n"))
		}
	})
}

// await waits until nothing is left, for as long as the limit, and returns what is.
func await(t *testing.T) (left []string) {
	t.Helper()
	for begin := time.Now(); ; <-time.After(10 * time.Millisecond) {
		if left = running(t); len(left) == 0 || time.Since(begin) > limit {
			return left
		}
	}
}

// running returns where the goroutines with a test's label are, apart from the one that asks, which has to be found, too.
func running(t *testing.T) (stacks []string) {
	t.Helper()
	found := false
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1) // a buffer takes everything
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		switch {
		case !strings.Contains(stack, fmt.Sprintf("# labels: {%q:%q}", label, t.Name())):
		case strings.Contains(stack, "leftover.running"):
			found = true
		default:
			stacks = append(stacks, stack)
		}
	}
	if !found {
		t.Fatalf("this Go writes labels in another way:\n%s", &profile)
	}
	return stacks
}

// Apart does what isn't the test's own, such as to use a connection that others use, too: what it starts has no label.
func Apart(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pprof.SetGoroutineLabels(context.Background())
		do()
	}()
	<-done
}
