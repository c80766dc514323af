package e2e_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// writeCaller adds a command to a project that calls a service by the project's own client.
func writeCaller(t *testing.T, dir, module string) {
	t.Helper()
	readTree(t, filepath.Join(overlays, "caller")).replace("example.com/project", module).write(t, dir)
}

// caller is a process that calls a service all the time.
type caller struct {
	*process
	service string
}

// startCaller returns once the instances at these addresses have been called.
func startCaller(t *testing.T, bin, registry, namespace, service string, addrs ...string) caller {
	t.Helper()
	c := caller{start(t, bin, "caller", nil, registry, namespace, service), service}
	for _, addr := range addrs {
		c.log.await(t, line{"msg": "called", "addr": addr})
	}
	return c
}

// called returns how often an instance has come to be called: once, and once more after each time that it was away.
func (c caller) called(addr string) int { return c.log.count(line{"msg": "called", "addr": addr}) }

// awaitAgain waits until an instance is called that had come to be called so often before it was away.
func (c caller) awaitAgain(t *testing.T, addr string, before int) {
	t.Helper()
	soon(t, 10*time.Second, "called again", func() bool { return c.called(addr) > before })
}

// lost is a call that has failed.
type lost struct {
	addr         string // that it went to
	began, ended time.Time
}

// during reports whether the call was under way when its instance was made to crash, or began before the client could see
// that.
func (l lost) during(crashes []time.Time) bool {
	return slices.ContainsFunc(crashes, func(crash time.Time) bool {
		return l.began.Before(crash.Add(500*time.Millisecond)) && l.ended.After(crash)
	})
}

// none is what calls may fail of which none may.
func none(lost) bool { return false }

// expectNoFailure ends the caller, and fails the test if a call has failed, apart from those that may.
func (c caller) expectNoFailure(t *testing.T, may func(lost) bool) {
	t.Helper()
	c.signal(t)
	done := c.log.await(t, line{"msg": "done"})
	all, longest := c.log.where(line{"msg": "call failed"}), time.Duration(0)
	for _, failed := range all {
		took := time.Duration(failed["took"].(float64) * float64(time.Second))
		began, err := time.Parse(time.RFC3339Nano, fmt.Sprint(failed["began"]))
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, took)
		if call := (lost{fmt.Sprint(failed["addr"]), began, began.Add(took)}); !may(call) {
			t.Errorf("%s: call %+v failed: %v", c.service, call, failed["error"])
		}
	}
	t.Logf("%s: %d of %.0f calls failed, the longest after %v", c.service, len(all), done["calls"], longest)
}
