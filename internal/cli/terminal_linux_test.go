package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcgen/svc/internal/manifest"
)

// terminal is a terminal with a person at one end and svc at the other.
type terminal struct {
	t     *testing.T
	file  *os.File // the end of the person
	tty   *os.File // the end of svc
	svc   *os.Process
	ended chan error

	control int          // file once more, to ask about the terminal when svc has ended
	before  unix.Termios // the mode in which svc found it

	mu      sync.Mutex
	grown   *sync.Cond
	out     []byte
	read    int // how much of out has been expected
	hungUp  bool
	expired bool
}

const (
	whereIsTheCursor = "\x1b[6n"
	toTheCorner      = "\x1b[999;999f"
)

// onTerminal starts svc in dir.
func onTerminal(t *testing.T, dir string, args ...string) *terminal {
	t.Helper()
	return redirected(t, nil, dir, args...)
}

// redirected starts svc in dir with its standard output elsewhere than on the terminal; nil for there, too.
func redirected(t *testing.T, stdout io.Writer, dir string, args ...string) *terminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, ended: make(chan error, 1)}
	x.grown = sync.NewCond(&x.mu)
	x.file, x.tty = openTerminal(t)
	if x.control, err = unix.Dup(int(x.file.Fd())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(x.control) })
	x.before = x.mode()
	cmd := exec.Command(self)
	cmd.Args = append([]string{"svc"}, args...) // what TestMain goes by
	cmd.Dir = dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.tty, stdout, x.tty
	if stdout == nil {
		cmd.Stdout = x.tty
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x.svc = cmd.Process
	expire := time.AfterFunc(20*time.Second, func() {
		x.mu.Lock()
		x.expired = true
		x.grown.Broadcast()
		x.mu.Unlock()
		_ = cmd.Process.Kill()
	})
	go x.listen()
	go func() {
		err := cmd.Wait()
		_ = x.tty.Close() // the last of svc's ends: listen reads what is left, and then an error
		x.ended <- err
	}()
	t.Cleanup(func() {
		expire.Stop()
		_ = cmd.Process.Kill() // it has ended, unless the test failed
	})
	return x
}

// openTerminal returns both ends of a new terminal; see pty(7).
func openTerminal(t *testing.T) (file, tty *os.File) {
	t.Helper()
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(file.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(file.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return file, tty
}

func (x *terminal) listen() {
	chunk := make([]byte, 4096)
	for {
		n, err := x.file.Read(chunk)
		x.mu.Lock()
		x.out = append(x.out, chunk[:n]...)
		x.hungUp = err != nil
		x.grown.Broadcast()
		x.mu.Unlock()
		if err != nil {
			_ = x.file.Close()
			return
		}
	}
}

// expect waits for a text that has not been expected before.
func (x *terminal) expect(text string) {
	x.t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if i := bytes.Index(x.out[x.read:], []byte(text)); i >= 0 {
			x.read += i + len(text)
			return
		}
		if x.hungUp || x.expired {
			x.t.Fatalf("%q did not come; the terminal shows:\n%q", text, x.out)
		}
		x.grown.Wait()
	}
}

func (x *terminal) typed(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.file, keys); err != nil {
		x.t.Fatal(err)
	}
}

// line answers a question with a line of text. Before svc reads it, it asks the terminal how large it is, by sending the
// cursor to the corner, and where the cursor is. What is typed before an answer is kept, what comes right after is lost.
func (x *terminal) line(question, text string) {
	x.t.Helper()
	x.expect(question)
	x.expect(toTheCorner + whereIsTheCursor)
	x.typed("\x1b[40;200R")
	x.expect(whereIsTheCursor)
	x.typed(text + "\x1b[1;1R")
}

// exitCode waits for the end.
func (x *terminal) exitCode() int {
	x.t.Helper()
	err := <-x.ended
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return 0
}

const (
	returnKey = "\r"
	ctrlC     = "\x03"
	down      = "\x1b[B"
	space     = " "
)

func TestNewOnATerminal(t *testing.T) {
	dir := t.TempDir()
	x := onTerminal(t, dir, "new", "--no-tidy")
	x.line("Name of the project:", "Shop"+returnKey)
	x.expect(`"Shop" is not a name`)
	x.line("Name of the project:", "shop"+returnKey)
	x.line("Go module path:", returnKey)
	x.line("A .proto file or a folder of them", returnKey)
	x.expect("Registry:")
	x.expect("none")
	x.typed(strings.Repeat(down, len(manifest.Registries)-1) + returnKey) // it is the last
	x.expect("Layers:")
	x.expect("helm")
	x.typed(space + returnKey) // docker off
	x.expect("Made shop: 1 app, 1 service, ")
	if code := x.exitCode(); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	m := readManifest(t, dir+"/shop")
	if m.Module != "example.com/shop" || m.Registry != "none" || len(m.Layers) != 1 || m.Layers[0].Name != "helm" {
		t.Errorf("the answers became %+v", m)
	}
}

func TestInterruptOnATerminal(t *testing.T) {
	dir := t.TempDir()
	x := onTerminal(t, dir, "new", "--no-tidy")
	x.line("Name of the project:", "shop"+returnKey)
	x.line("Go module path:", ctrlC)
	x.expect("svc: interrupted")
	if code := x.exitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("it leaves %v (%v)", entries, err)
	}
}

func TestYesAsksNothingOnATerminal(t *testing.T) {
	dir := t.TempDir()
	x := onTerminal(t, dir, "new", "shop", "--no-tidy", "--yes")
	x.expect("Made shop: ")
	if code := x.exitCode(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if bytes.Contains(x.out, []byte("?")) {
		t.Errorf("it asks: %q", x.out)
	}
}

func TestQuestionsAreNoResult(t *testing.T) {
	var stdout bytes.Buffer
	x := redirected(t, &stdout, t.TempDir(), "new", "shop", "--no-tidy", "--registry", "none", "--without", "helm")
	x.line("Go module path:", "a b"+returnKey)
	x.expect(`"a b" is not a module path`)
	x.line("Go module path:", returnKey)
	x.line("A .proto file or a folder of them", returnKey)
	if code := x.exitCode(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if !bytes.HasPrefix(stdout.Bytes(), []byte("Made shop: ")) {
		t.Errorf("standard output is %q", &stdout)
	}
}

// A signal ends svc at a question, too, and the terminal is as it was before.
func TestTerminateOnATerminal(t *testing.T) {
	dir := t.TempDir()
	x := onTerminal(t, dir, "new", "shop", "--no-tidy")
	x.line("Go module path:", returnKey)
	x.line("A .proto file or a folder of them", returnKey)
	x.expect("Registry:")
	x.expect("none")
	x.typed(down)
	x.expect("none") // it is drawn anew
	if x.mode() == x.before {
		t.Error("a question leaves the terminal as it is, so that this test shows nothing")
	}
	if err := x.svc.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	const showTheCursor = "\x1b[?25h"
	x.expect(showTheCursor)
	x.expect("svc: interrupted")
	if code := x.exitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if after := x.mode(); after != x.before {
		t.Errorf("the terminal was %+v and is %+v", x.before, after)
	}
}

func (x *terminal) mode() unix.Termios {
	x.t.Helper()
	mode, err := unix.IoctlGetTermios(x.control, unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	return *mode
}
