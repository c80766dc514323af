package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// exhaustive makes the tests of faults try everything, which takes minutes: SVC_FAULTS=all go test ./internal/apply
func exhaustive() bool { return os.Getenv("SVC_FAULTS") == "all" }

// plot is when and how things go wrong.
type plot struct {
	name  string
	errno error
	judge func(n int) func(i int, op, name string) verdict // n is the operation at which it begins
	kills bool
}

// plots are what can go wrong at an operation.
func plots() []plot {
	from := func(v verdict) func(n int) func(int, string, string) verdict {
		return func(n int) func(int, string, string) verdict {
			return func(i int, _, _ string) verdict {
				if i >= n {
					return v
				}
				return works
			}
		}
	}
	once := func(v verdict) func(n int) func(int, string, string) verdict {
		return func(n int) func(int, string, string) verdict { return at(n, v) }
	}
	flaky := func(n int) func(int, string, string) verdict {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		return func(i int, _, _ string) verdict {
			if i < n || random.IntN(2) == 0 {
				return works
			}
			return fails + verdict(random.IntN(2))
		}
	}
	list := []plot{{name: "killed", judge: once(dies), kills: true}}
	for _, errno := range []error{syscall.ENOSPC, syscall.EACCES, syscall.EIO} {
		list = append(list,
			plot{name: "once", errno: errno, judge: once(fails)},
			plot{name: "from then on", errno: errno, judge: from(fails)})
	}
	return append(list,
		plot{name: "the answer is lost", errno: syscall.EIO, judge: once(lies)},
		plot{name: "all answers are lost", errno: syscall.EIO, judge: from(lies)},
		plot{name: "flaky", errno: syscall.EIO, judge: flaky})
}

// run is a run of svc with what it does to the folder rigged.
func (w *world) run(dir string, f folder) error {
	p, err := hold(context.Background(), dir, f)
	if err != nil {
		return err
	}
	return errors.Join(p.Apply(w.changes), p.Close())
}

// operations are those of a run in which nothing fails.
func (w *world) operations(t *testing.T) []string {
	t.Helper()
	dir := w.place(t, memory(t))
	if got := differ(look(t, dir), w.old); got != "" {
		t.Fatalf("the project is not as it should be: %s", got)
	}
	r := &rig{}
	if err := w.run(dir, r.folder(t, dir)); err != nil {
		t.Fatal(err)
	}
	if got := differ(look(t, dir), w.after()); got != "" {
		t.Fatalf("without a fault: %s", got)
	}
	return r.log
}

// memory is a folder for projects, in memory where the system has that: a disk takes ten times as long.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "svc-apply-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestFaults lets each operation of a run fail in each way, and checks that the next run finds all as it was or all done,
// that the failed one had said which, and that nothing is left behind. Without SVC_FAULTS=all each operation is killed, and
// fails once, and every third in one more way.
func TestFaults(t *testing.T) {
	w, base, all := rich(), memory(t), plots()
	operations := w.operations(t)
	tried := 0
	for n := 1; n <= len(operations); n++ {
		some := all
		if !exhaustive() {
			some = byTurns(all, n)
		}
		for _, p := range some {
			tried++
			w.fault(t, base, p, n)
		}
	}
	t.Logf("%d operations, %d faults", len(operations), tried)
}

// byTurns is a choice of plots for one operation.
func byTurns(all []plot, n int) []plot {
	some := []plot{all[0], all[1+2*(n%3)]}
	if n%3 == 0 {
		some = append(some, all[2+n/3%(len(all)-2)])
	}
	return some
}

// fault makes a run in which things go wrong from operation n on.
func (w *world) fault(t *testing.T, base string, p plot, n int) {
	t.Helper()
	dir := w.place(t, base)
	defer os.RemoveAll(dir)
	r := &rig{errno: p.errno, judge: p.judge(n)}
	failed := w.run(dir, r.folder(t, dir))
	if len(r.log) < n {
		t.Fatalf("there is no operation %d", n)
	}
	at := fmt.Sprintf("%s (%v) at %d, %q, which said %q", p.name, p.errno, n, r.log[n-1], fmt.Sprint(failed))
	if failed == nil {
		if got := differ(w.seen(t, dir, p, false), w.after()); got != "" {
			t.Errorf("%s: %s", at, got)
		}
	}
	undone := w.recover(t, dir, p, at)
	if failed == nil || p.kills {
		return
	}
	switch m := failed.Error(); {
	case strings.HasSuffix(m, "nothing was written: mend that and run svc again"):
		if !undone {
			t.Errorf("%s, but something was", at)
		}
	case strings.HasSuffix(m, "not all files are in place yet: mend that, and the next run of svc finishes this one"):
		if undone {
			t.Errorf("%s, but it did not", at)
		}
	case !strings.HasSuffix(m, "mend that, and the next run of svc finishes this one or undoes it"):
		t.Errorf("%s: it is not said what to do", at)
	}
}

// seen is what a run in which things went wrong has left. A folder that could not be removed when its last file was is no
// reason to fail; nor is what is in the cache, when another run comes.
func (w *world) seen(t *testing.T, dir string, p plot, last bool) map[string]entry {
	t.Helper()
	found := look(t, dir)
	maps.DeleteFunc(found, func(path string, e entry) bool {
		return !p.kills && e.mode.IsDir() && w.had(path) || !last && strings.HasPrefix(path, stageDir)
	})
	return found
}

// had reports whether there were files in a folder.
func (w *world) had(dir string) bool {
	for path := range w.old {
		if strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// recover opens a project after a fault and checks that it is as it was or as it should be; in the first case, that the
// run can be made again. It reports which it was.
func (w *world) recover(t *testing.T, dir string, by plot, at string) (undone bool) {
	t.Helper()
	p, err := hold(context.Background(), dir, (&rig{}).folder(t, dir))
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	defer p.Close()
	if len(p.Kept) > 0 {
		t.Errorf("%s: kept %q", at, p.Kept)
	}
	got := w.seen(t, dir, by, true)
	toNew := differ(got, w.after())
	if toNew == "" {
		return false
	}
	if toOld := differ(got, w.old); toOld != "" {
		t.Fatalf("%s: neither as it was: %s\nnor as it should be: %s", at, toOld, toNew)
	}
	if p.Recovered {
		t.Errorf("%s: it is said that a run was finished that was undone", at)
	}
	if err := p.Apply(w.changes); err != nil {
		t.Errorf("%s: the project is stuck: %v", at, err)
	}
	if got := differ(look(t, dir), w.after()); got != "" {
		t.Errorf("%s: done again: %s", at, got)
	}
	return true
}

// TestFaultsOfRecovery lets things go wrong for a second time, in the run that finishes or undoes a killed one.
func TestFaultsOfRecovery(t *testing.T) {
	w, base, all := few(), memory(t), plots()
	some, stride := all[:1], 4
	if exhaustive() {
		w, some, stride = rich(), []plot{all[0], all[1], all[2], all[7]}, 1
	}
	operations := len(w.operations(t))
	tried := 0
	for n := 1; n <= operations; n++ {
		for _, p := range some {
			for m := 1 + n%stride; w.secondFault(t, base, n, p, m); m += stride {
				tried++
			}
		}
	}
	t.Logf("%d operations, %d pairs of faults", operations, tried)
}

// secondFault kills a run at operation n, and lets things go wrong at operation m of the next. It reports whether there is
// such an operation.
func (w *world) secondFault(t *testing.T, base string, n int, p plot, m int) bool {
	t.Helper()
	dir := w.place(t, base)
	defer os.RemoveAll(dir)
	r := &rig{judge: at(n, dies)}
	_ = w.run(dir, r.folder(t, dir))
	second := &rig{errno: p.errno, judge: p.judge(m)}
	project, err := hold(context.Background(), dir, second.folder(t, dir))
	if err == nil {
		_ = project.Close()
	}
	if len(second.log) < m {
		return false
	}
	w.recover(t, dir, p, fmt.Sprintf("killed at %d, %q, then %s at %d, %q", n, r.log[n-1], p.name, m, second.log[m-1]))
	return true
}

// TestFaultsAgain lets a run fail at each operation from there on, its cleaning up too, and then makes another with what is
// open. What the first left does not stay.
func TestFaultsAgain(t *testing.T) {
	w, base := few(), memory(t)
	before := len(w.operations(t))
	for n := 1; n <= before; n++ {
		dir := w.place(t, base)
		healed := false
		r := &rig{errno: syscall.EIO, judge: func(i int, _, _ string) verdict {
			if i < n || healed {
				return works
			}
			return fails
		}}
		p, err := hold(context.Background(), dir, r.folder(t, dir))
		if err != nil {
			continue
		}
		failed := p.Apply(w.changes)
		healed = true
		if failed == nil || !strings.Contains(failed.Error(), "nothing was written") {
			_ = p.Close()
			continue
		}
		if err := errors.Join(p.Apply([]Change{{Path: "other", Content: []byte("2")}}), p.Close()); err != nil {
			t.Errorf("%d, %q: %v", n, r.log[n-1], err)
		}
		want := maps.Clone(w.old)
		want["other"] = entry{0o644, "2"}
		if got := differ(look(t, dir), want); got != "" {
			t.Errorf("%d, %q: %s", n, r.log[n-1], got)
		}
	}
}

// TestStageTaken checks that a run which finds that its staged files are gone does not take them for moved.
func TestStageTaken(t *testing.T) {
	w := few()
	for _, gone := range []string{"1", "2", "3"} {
		dir := w.place(t, memory(t))
		r := &rig{judge: func(_ int, op, name string) verdict {
			if op+" "+name == "read "+journal {
				if err := os.Remove(filepath.Join(dir, ".svc", "cache", "stage", gone)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
			}
			return works
		}}
		in := r.folder(t, dir)
		p, err := hold(context.Background(), dir, in)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(p.Apply(w.changes), p.Close())
		if want := stageDir + "/" + gone + " is gone: another run of svc has taken it"; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v", err)
		}
		found := look(t, dir)
		maps.DeleteFunc(found, func(path string, _ entry) bool { return strings.HasPrefix(path, CacheDir) || path == "new" })
		if got := differ(found, w.old); got != "" {
			t.Error(got)
		}
	}
}
