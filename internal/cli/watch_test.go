package cli

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/svcgen/svc/internal/ui"
)

// watched is a project with svc watch running in it.
type watched struct {
	t     *testing.T
	dir   string
	lines chan string
}

func watchProject(t *testing.T) *watched {
	buildStubPlugins(t)
	dir := filepath.Join(t.TempDir(), "shop")
	quiet := &ui.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
	if code := Run(t.Context(), quiet, []string{"new", "shop", "--dir", dir, "--no-tidy"}); code != exitOK {
		t.Fatalf("svc new: exit code %d", code)
	}
	w := &watched{t: t, dir: dir, lines: make(chan string, 100)}
	r, out := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		ended <- Run(ctx, &ui.IO{In: strings.NewReader(""), Out: out, Err: out}, []string{"watch", "-C", dir})
		out.Close()
	}()
	go func() {
		for s := bufio.NewScanner(r); s.Scan(); {
			w.lines <- s.Text()
		}
		close(w.lines)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitInterrupted {
			t.Errorf("exit code %d, want %d", code, exitInterrupted)
		}
	})
	w.await("watching ")
	return w
}

// await returns the lines up to one that holds text.
func (w *watched) await(text string) (lines []string) {
	w.t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case line, ok := <-w.lines:
			lines = append(lines, line)
			switch {
			case !ok:
				w.t.Fatalf("it ended before %q; it said %q", text, lines)
			case strings.Contains(line, text):
				return lines
			}
		case <-late:
			w.t.Fatalf("it did not say %q, but %q", text, lines)
		}
	}
}

// write puts a file in its place as a whole, as some editors do. Others empty a file first, which svc can see: writing
// nothing is the test of that.
func (w *watched) write(name, content string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		w.t.Fatal(err)
	}
}

const payProto = "syntax = \"proto3\";\npackage pay.v1;\nservice Pay { rpc Pay(Money) returns (Money); }\nmessage Money {}\n"

// TestWatch follows a person who edits a contract with svc watch running.
func TestWatch(t *testing.T) {
	w := watchProject(t)

	// A file in a new folder brings a service.
	w.write("api/pay/v1/pay.proto", payProto)
	if said := strings.Join(w.await(" changed"), "\n"); !strings.Contains(said, "create   ") || !strings.Contains(said, "pay_grpc.pb.go") {
		t.Errorf("it said %s", said)
	}

	// A mistake is shown, and ends nothing.
	w.write("api/pay/v1/pay.proto", strings.Replace(payProto, "(Money)", "(Monney)", 1))
	w.await("Monney")

	// A file that an editor has emptied, and is about to write, takes nothing with it.
	w.write("api/pay/v1/pay.proto", "")
	w.await("pay.proto:1:1: the file is empty")
	if _, err := os.Stat(filepath.Join(w.dir, "internal/service/pay/v1/pay.go")); err != nil {
		t.Error(err)
	}

	// When it is mended, that is said; and what was written in between to no effect is not.
	w.write("api/pay/v1/pay.proto", payProto)
	w.await("up to date")
	w.write("api/pay/v1/pay.proto", payProto)
	w.write("api/notes.txt", "nobody's contract")
	w.write("api/pay/v1/pay.proto", strings.Replace(payProto, "rpc Pay", "rpc Refund(Money) returns (Money); rpc Pay", 1))
	for _, line := range w.await(" changed") {
		if strings.Contains(line, "up to date") {
			t.Error("it was not quiet about nothing")
		}
	}

	// svc.yaml counts, too; while it can't be read, what it said last is watched.
	manifest, err := os.ReadFile(filepath.Join(w.dir, "svc.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("svc.yaml", string(manifest)+"extra: 1\n")
	w.await("unknown key extra")
	w.write("svc.yaml", strings.Replace(string(manifest), "layers: [docker, helm]", "layers: [docker]", 1))
	w.await(" changed")
}
