package cli

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/ui"
)

// newProject makes a project with a file missing in gen/, so that there is something to generate.
func newProject(t *testing.T) (dir, missing string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "shop")
	var out bytes.Buffer
	if code := Run(t.Context(), &ui.IO{Out: &out, Err: &out}, []string{"new", "shop", "--no-tidy", "--dir", dir}); code != exitOK {
		t.Fatalf("svc new: exit code %d: %s", code, &out)
	}
	missing = filepath.Join(dir, "gen", "wire", "shop", "wire.go")
	if err := os.Remove(missing); err != nil {
		t.Fatal(err)
	}
	return dir, missing
}

// watcher is a stream that tells when it has been told something.
type watcher struct {
	want string
	told chan struct{}
	once sync.Once
	bytes.Buffer
}

func (w *watcher) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.want) {
		w.once.Do(func() { close(w.told) })
	}
	return n, err
}

// startWhileHeld starts svc generate on a project that another run holds, and returns when it says that it waits.
func startWhileHeld(t *testing.T, ctx context.Context, dir string) (holder *apply.Project, code chan int, stderr *watcher) {
	t.Helper()
	holder, err := apply.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	stderr = &watcher{want: "… waiting for another run of svc in " + dir + "\n", told: make(chan struct{})}
	code = make(chan int, 1)
	go func() { code <- Run(ctx, &ui.IO{Out: &bytes.Buffer{}, Err: stderr}, []string{"generate", "-C", dir}) }()
	select {
	case <-stderr.told:
	case c := <-code:
		t.Fatalf("it does not wait: exit code %d: %s", c, stderr)
	}
	return holder, code, stderr
}

func TestTwoRunsExcludeEachOther(t *testing.T) {
	dir, missing := newProject(t)
	holder, code, stderr := startWhileHeld(t, t.Context(), dir)
	if _, err := os.Stat(missing); err == nil {
		t.Error("it has written while another run holds the project")
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if c := <-code; c != exitOK {
		t.Errorf("exit code %d: %s", c, stderr)
	}
	if _, err := os.Stat(missing); err != nil {
		t.Error(err)
	}
}

func TestInterruptEndsTheWaitForAnotherRun(t *testing.T) {
	dir, missing := newProject(t)
	ctx, interrupt := context.WithCancel(t.Context())
	holder, code, stderr := startWhileHeld(t, ctx, dir)
	interrupt()
	if c := <-code; c != exitInterrupted || !strings.HasSuffix(stderr.String(), "\nsvc: interrupted\n") {
		t.Errorf("exit code %d: %q", c, stderr)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("it has written")
	}
	if err := holder.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnInterruptedRunWritesNothing(t *testing.T) {
	dir, _ := newProject(t)
	before := paths(t, dir)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, diagnostics bytes.Buffer
	if code := Run(ctx, &ui.IO{Out: &out, Err: &diagnostics}, []string{"generate", "-C", dir}); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, &diagnostics)
	}
	if out.Len() > 0 || diagnostics.String() != "svc: interrupted\n" {
		t.Errorf("stdout %q, stderr %q", &out, &diagnostics)
	}
	if after := paths(t, dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// paths lists the files below dir but for those of this machine.
func paths(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() && e.Name() == "cache" {
			return fs.SkipDir
		}
		b.WriteString(p + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
