package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is when something that has to happen counts as not happening.
const patience = 30 * time.Second

// within returns a context that a test may spend its patience on.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// buildApps builds all apps of a project and returns the folder of the binaries. Without paths in them, the go command
// reuses what it has built for another copy of the project.
func buildApps(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	bin := t.TempDir()
	args := append([]string{"build", "-o", bin + string(filepath.Separator)}, flags...)
	inProject(dir).run(t, "go", append(args, "./cmd/...")...)
	return bin
}

// process is a running app.
type process struct {
	cmd   *exec.Cmd
	log   *lines
	asked time.Time     // to end
	ended time.Time     // once done is closed
	done  chan struct{} // closed when it has ended
}

// start starts an app, which the test ends if it doesn't end by itself.
func start(t *testing.T, bin, app string, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(executable(t, bin, app), args...), log: newLines(), done: make(chan struct{})}
	p.cmd.Dir = t.TempDir() // no file that it might find by accident
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.log.read(stderr)
		_ = p.cmd.Wait() // ProcessState tells
		p.ended = time.Now()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.done
		if t.Failed() {
			t.Logf("%s logged:\n%s", app, p.log)
		}
	})
	return p
}

func executable(t *testing.T, bin, app string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(bin, app+"*")) // .exe on Windows
	if err != nil || len(found) != 1 {
		t.Fatalf("no binary of %s in %s: %v, %v", app, bin, found, err)
	}
	return found[0]
}

// terminate asks the app to end, and returns its exit code.
func (p *process) terminate(t *testing.T) int {
	t.Helper()
	p.signal(t)
	return p.wait(t)
}

// signal asks the app to end.
func (p *process) signal(t *testing.T) {
	t.Helper()
	p.asked = time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// stopLimit is how long an app that has been asked to end may take while no call is in flight: what it drains by default,
// and 2 s.
const stopLimit = 2500 * time.Millisecond

// wait waits for the end of an app that has been asked to, which has to come in time, and returns the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-within(t).Done():
		t.Fatal("it does not end")
	}
	if took := p.ended.Sub(p.asked); took > stopLimit {
		t.Errorf("it ends %v after it was asked to, want %v", took, stopLimit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// line is a line of a log in JSON.
type line map[string]any

// has reports whether a line has these values; a nil value stands for any.
func (l line) has(want line) bool {
	for key, value := range want {
		got, ok := l[key]
		if !ok || value != nil && got != value {
			return false
		}
	}
	return true
}

// lines is a log that is being written.
type lines struct {
	mu    sync.Mutex
	all   []line
	raw   []string
	ended bool
	more  chan struct{} // closed, and replaced, when there is more
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

func (l *lines) read(r io.Reader) {
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		var parsed line
		if json.Unmarshal(scanner.Bytes(), &parsed) != nil {
			parsed = line{"unparsed": scanner.Text()}
		}
		l.add(func() { l.all, l.raw = append(l.all, parsed), append(l.raw, scanner.Text()) })
	}
	l.add(func() { l.ended = true })
}

func (l *lines) add(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.more)
	l.more = make(chan struct{})
}

func (l *lines) find(want line) (found line, ended bool, more chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, got := range l.all {
		if got.has(want) {
			return got, l.ended, l.more
		}
	}
	return nil, l.ended, l.more
}

// await returns the first line that has these values, waiting for it to be written.
func (l *lines) await(t *testing.T, want line) line {
	t.Helper()
	ctx := within(t)
	for {
		found, ended, more := l.find(want)
		switch {
		case found != nil:
			return found
		case ended:
			t.Fatalf("it ended without logging %v", want)
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("it does not log %v", want)
		}
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.raw, "\n")
}

// serving waits for the app to serve, and returns the addresses of gRPC and of the admin server.
func (p *process) serving(t *testing.T) (grpc, admin string) {
	t.Helper()
	l := p.log.await(t, line{"msg": "serving"})
	return fmt.Sprint(l["grpc"]), fmt.Sprint(l["admin"])
}
