package apply

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// The test binary is svc's stand-in, too, for tests that need a process of its own. SVC_APPLY_TEST says what it does to the
// project in its folder.
func TestMain(m *testing.M) {
	roles := map[string]func() error{"die": dieAt, "flip": flip, "count": count}
	role, ok := roles[os.Getenv("SVC_APPLY_TEST")]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func start(t *testing.T, dir, role string, env ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), append(env, "SVC_APPLY_TEST="+role)...), os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// dieAt makes a run that is killed, really, at the operation that SVC_APPLY_AT says.
func dieAt() error {
	n, err := strconv.Atoi(os.Getenv("SVC_APPLY_AT"))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(".")
	if err != nil {
		return err
	}
	r := &rig{judge: func(i int, _, _ string) verdict {
		if i == n {
			kill()
		}
		return works
	}}
	w := few()
	return w.run(".", rigged{root, root, r, ""})
}

// kill sends this process SIGKILL, or what the system has for that, and does not return.
func kill() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// TestKilledProcess kills a process at each operation.
func TestKilledProcess(t *testing.T) {
	w, base := few(), memory(t)
	for n, operation := range w.operations(t) {
		dir := w.place(t, base)
		cmd, _ := start(t, dir, "die", "SVC_APPLY_AT="+strconv.Itoa(n+1))
		killed(t, cmd)
		w.recover(t, dir, plot{kills: true}, fmt.Sprintf("killed at %d, %q", n+1, operation))
	}
}

// killed waits for a process, and checks that it has not ended by itself.
func killed(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Wait()
	if cmd.ProcessState.Success() || cmd.ProcessState.Exited() && runtime.GOOS != "windows" {
		t.Fatalf("it was not killed: %v", cmd.ProcessState)
	}
}

// flip runs svc there and back for ever, on the disk as it is.
func flip() error {
	w := few()
	back := make([]Change, len(w.changes))
	for i, c := range w.changes {
		back[i] = Change{Path: c.Path, Content: c.Expect, Expect: c.Content}
	}
	fmt.Println("ready")
	for {
		for _, changes := range [][]Change{w.changes, back} {
			p, err := Open(".")
			if err != nil {
				return err
			}
			if err := errors.Join(p.Apply(changes), p.Close()); err != nil {
				return err
			}
		}
	}
}

// TestKilledAnywhen kills a process at any time, in the middle of a system call, too.
func TestKilledAnywhen(t *testing.T) {
	w := few()
	times := 5
	if exhaustive() {
		times = 300
	}
	states := map[string]int{}
	for range times {
		dir := w.place(t, t.TempDir())
		cmd, out := start(t, dir, "flip")
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(rand.N(60*time.Millisecond), func() { _ = cmd.Process.Kill() })
		killed(t, cmd)
		p := open(t, dir)
		got := look(t, dir)
		switch toOld, toNew := differ(got, w.old), differ(got, w.after()); {
		case len(p.Kept) > 0 || toOld != "" && toNew != "":
			t.Errorf("kept %q; neither as it was: %s\nnor as it should be: %s", p.Kept, toOld, toNew)
		case toOld == "":
			states[fmt.Sprintf("old, recovered: %t", p.Recovered)]++
		default:
			states[fmt.Sprintf("new, recovered: %t", p.Recovered)]++
		}
	}
	t.Log(states)
}

const increments = 10

// count adds to a number, again and again.
func count() error {
	for range increments {
		p, err := Open(".")
		if err != nil {
			return err
		}
		now, err := os.ReadFile("number")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(now))
		if err != nil {
			return err
		}
		change := Change{Path: "number", Content: []byte(strconv.Itoa(n + 1)), Expect: now}
		if err := errors.Join(p.Apply([]Change{change}), p.Close()); err != nil {
			return err
		}
	}
	return nil
}

// TestProcessesExclude checks that no process sees what another has half done.
func TestProcessesExclude(t *testing.T) {
	dir := write(t, map[string]string{"number": "0"})
	var running []*exec.Cmd
	for range 4 {
		cmd, _ := start(t, dir, "count")
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if got := read(t, dir); !maps.Equal(got, map[string]string{"number": strconv.Itoa(4 * increments)}) {
		t.Errorf("got %q", got)
	}
}

// TestMutexReplaced checks that a run stops when others are no longer kept out.
func TestMutexReplaced(t *testing.T) {
	change := []Change{{Path: "a", Content: []byte("2"), Expect: []byte("1")}}
	for name, do := range map[string]func(mutex string) error{
		"removed": os.Remove,
		"replaced": func(mutex string) error {
			return errors.Join(os.Remove(mutex), os.WriteFile(mutex, nil, 0o644))
		},
		"removed with the cache": func(mutex string) error { return os.RemoveAll(filepath.Dir(mutex)) },
	} {
		dir := write(t, map[string]string{"a": "1"})
		p := open(t, dir)
		if err := do(filepath.Join(dir, filepath.FromSlash(mutex))); err != nil {
			t.Fatal(err)
		}
		err := p.Apply(change)
		if want := mutex + " was removed while svc was running; nothing was written: mend that and run svc again"; err == nil || err.Error() != want {
			t.Errorf("%s: got %v", name, err)
		}
		check(t, dir, map[string]string{"a": "1"})
		if err := open(t, dir).Apply(change); err != nil {
			t.Errorf("%s: then: %v", name, err)
		}
	}
}

// TestMutexReplacedWhileWaiting checks that a run which waits for a mutex that is no longer there waits for the one that is.
func TestMutexReplacedWhileWaiting(t *testing.T) {
	dir := write(t, map[string]string{"a": "1"})
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	waits, got := make(chan struct{}), make(chan error)
	var alone atomic.Bool
	r := &rig{judge: func(_ int, op, name string) verdict {
		if op+" "+name == "close "+mutex && !alone.Load() {
			select {
			case <-waits:
			default:
				close(waits)
			}
		}
		return works
	}}
	in := r.folder(t, dir)
	go func() {
		p, err := hold(context.Background(), dir, in)
		if err == nil && !alone.Load() {
			err = errors.New("it holds the project together with another")
		}
		if p != nil {
			err = errors.Join(err, p.Close())
		}
		got <- err
	}()
	<-waits
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(mutex))); err != nil {
		t.Fatal(err)
	}
	second, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(first.Close(), second.Apply([]Change{{Path: "a", Content: []byte("2"), Expect: []byte("1")}}))
	alone.Store(true)
	if err := errors.Join(err, second.Close(), <-got); err != nil {
		t.Error(err)
	}
}

// TestProjectMoved checks that a run stops when its project has been moved: what it has planned is from files at the old
// path, where another project may stand. Once it is committed it goes on where the project is.
func TestProjectMoved(t *testing.T) {
	w := few()
	for operation, done := range map[string]bool{
		"read run.sh":           false,
		"open .svc/cache/stage": false,
		"rename .svc/cache/stage/journal " + journal: true,
		"rename .svc/cache/stage/1 run.sh":           true,
	} {
		base := t.TempDir()
		dir := w.place(t, base)
		other, to := few(), filepath.Join(base, "moved")
		moved := false
		r := &rig{judge: func(_ int, op, name string) verdict {
			if op+" "+name == operation && !moved {
				moved = true
				if err := os.Rename(dir, to); err != nil {
					t.Error(err)
				} else if err := os.Rename(other.place(t, base), dir); err != nil {
					t.Error(err)
				}
			}
			return works
		}}
		err := w.run(dir, r.folder(t, dir))
		if done != (err == nil) || err != nil && err.Error() != dir+" was moved while svc was running; nothing was written: mend that and run svc again" {
			t.Errorf("%s: got %v", operation, err)
		}
		if got := differ(look(t, dir), other.old); got != "" {
			t.Errorf("%s: where it was: %s", operation, got)
		}
		if undone := w.recover(t, to, plot{kills: true}, operation); undone == done {
			t.Errorf("%s: undone: %t", operation, undone)
		}
	}
}
