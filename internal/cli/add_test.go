package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/ui"
)

func TestSnakeCase(t *testing.T) {
	for name, want := range map[string]string{
		"Orders": "orders", "OrderService": "order_service", "HTTPGateway": "http_gateway", "OrderHTTP": "order_http",
		"Order_Items": "order_items", "orders": "orders", "V2Orders": "v2_orders", "A": "a", "ABC": "abc",
	} {
		if got := snakeCase(name); got != want {
			t.Errorf("snakeCase(%s) = %s, want %s", name, got, want)
		}
	}
}

// contractOf compiles files, by import path.
func contractOf(t *testing.T, files map[string]string) *symbols {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("syntax = \"proto3\";\n"+content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := protoload.Load(t.Context(), protoload.Source{Dir: dir, Roots: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSymbols(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestResolve(t *testing.T) {
	s := contractOf(t, map[string]string{
		"a.proto": "package a.b;\nmessage M { message N {} }\nmessage Get {}\nmessage Cart {}\nservice S { rpc Get(M) returns (M); }\n",
		"b.proto": "package a.a;\nmessage Hidden {}\n",
		"c.proto": "package b;\nmessage M {}\nmessage Only {}\n",
		"d.proto": "message Top {}\n",
	})
	const scope = "a.b.S.Get"
	for name, want := range map[string]string{
		"M":                     "a.b.M",
		"M.N":                   "a.b.M.N",
		"b.M":                   "a.b.M", // not the one of package b: the first part is found within a
		"b.Only":                "",
		".b.Only":               "b.Only",
		"a.Hidden":              "a.a.Hidden",
		"a.b.M":                 "", // a is a.a, as a compiler says
		".a.b.M":                "a.b.M",
		"Get":                   "a.b.Get", // and not the rpc, which is no type
		"S":                     "",
		"Top":                   "Top",
		"Nothing":               "",
		"M.Nothing":             "",
		"google.protobuf.Empty": "google.protobuf.Empty",
		"Empty":                 "",
	} {
		got := ""
		if d := s.resolve(name, scope); d != nil {
			got = string(d.FullName())
		}
		if got != want {
			t.Errorf("resolve(%s) = %q, want %q", name, got, want)
		}
	}
}

// TestReference puts every reference into the contract, for the compiler to find what it means.
func TestReference(t *testing.T) {
	files := map[string]string{
		"a.proto": "package a.b;\nmessage M { message N {} }\nmessage S {}\n",
		"b.proto": "package a.a;\nmessage Hidden {}\nmessage a {}\n",
		"c.proto": "package b;\nmessage M {}\n",
		"d.proto": "message Top {}\nmessage M {}\n",
	}
	s := contractOf(t, files)
	for full, want := range map[string]string{
		"a.b.M": "M", "a.b.M.N": "M.N", "a.b.S": "S", "a.a.Hidden": ".a.a.Hidden", "b.M": ".b.M", "Top": "Top", "M": ".M",
		"google.protobuf.Empty": "google.protobuf.Empty",
	} {
		d := s.find(full)
		if d == nil {
			t.Fatalf("there is no %s", full)
		}
		got := s.reference(d, "a.b", "a.b.Probe.Get")
		if got != want {
			t.Errorf("reference(%s) = %s, want %s", full, got, want)
		}
		files["probe.proto"] = fmt.Sprintf("package a.b;\nimport %q;\nservice Probe { rpc Get(%s) returns (%[2]s); }\n", d.ParentFile().Path(), got)
		probe := contractOf(t, files).find("a.b.Probe").(protoreflect.ServiceDescriptor)
		if in := probe.Methods().Get(0).Input().FullName(); string(in) != full {
			t.Errorf("%s is %s to the compiler, want %s", got, in, full)
		}
	}
}

// fuse is a context that is cancelled when it has been asked some times whether it is.
type fuse struct {
	context.Context
	cancel context.CancelFunc
	left   int
}

func (f *fuse) Err() error {
	if f.left--; f.left < 0 {
		f.cancel()
	}
	return f.Context.Err()
}

// TestAddInterrupted interrupts svc add at all places where it looks: all has been written then, or nothing.
func TestAddInterrupted(t *testing.T) {
	made := filepath.Join(t.TempDir(), "shop")
	run := func(ctx context.Context, args ...string) (int, string) {
		var out bytes.Buffer
		code := Run(ctx, &ui.IO{Out: &out, Err: &out}, args)
		return code, out.String()
	}
	for _, args := range [][]string{{"new", "shop", "--no-tidy", "--dir", made}, {"generate", "-C", made}} {
		if code, out := run(t.Context(), args...); code != exitOK {
			t.Fatalf("svc %v: exit code %d:\n%s", args, code, out)
		}
	}
	before := contents(t, made)
	for looks := range 1000 {
		dir := filepath.Join(t.TempDir(), "shop")
		if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		code, out := run(&fuse{ctx, cancel, looks}, "add", "service", "Orders", "-C", dir)
		cancel()
		_, written := contents(t, dir)["api/shop/v1/orders.proto"]
		switch {
		case written:
			if code, out := run(t.Context(), "generate", "--check", "-C", dir); code != exitOK {
				t.Errorf("after %d looks svc generate --check ends with %d:\n%s", looks, code, out)
			}
			if looks == 0 {
				t.Error("nothing was interrupted")
			}
			return
		case code != exitInterrupted:
			t.Fatalf("after %d looks: exit code %d:\n%s", looks, code, out)
		}
		after := contents(t, dir)
		for name, content := range before {
			if after[name] != content {
				t.Errorf("after %d looks %s is not as it was", looks, name)
			}
		}
		if len(after) != len(before) {
			t.Errorf("after %d looks there are %d files, before %d", looks, len(after), len(before))
		}
	}
	t.Error("svc add does not come to its end")
}

// contents are those of all files of a project but the ones of this machine.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	fsys := os.DirFS(dir)
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(name, ".svc/cache/") {
			return err
		}
		content, err := fs.ReadFile(fsys, name)
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
