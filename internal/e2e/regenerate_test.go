package e2e_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	greeterContract = "api/hello/v1/greeter.proto"
	greeterHandler  = "internal/service/hello/v1/greeter.go"
	clockContract   = "api/hello/v1/clock.proto"

	goodbyeStub = `
// SayGoodbye implements hello.v1.Greeter.SayGoodbye.
func (h *Greeter) SayGoodbye(ctx context.Context, req *pb.SayHelloRequest) (*pb.SayHelloResponse, error) {
	return nil, status.Error(codes.Unimplemented, "hello.v1.Greeter.SayGoodbye is not implemented")
}
`
)

// TestRegenerate is what happens to a project after svc new: its owner writes a handler, and later the contract gets
// an rpc and a service. Both are served after svc generate and nothing else, and the handler has what its owner wrote.
// When the contract has neither any more, so has the project.
func TestRegenerate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "hello")
	svc(t, "new", "hello", "--registry", "none", "--yes", "--no-tidy", "--dir", dir)
	edit(t, dir, greeterHandler,
		`nil, status.Error(codes.Unimplemented, "hello.v1.Greeter.SayHello is not implemented")`,
		`&pb.SayHelloResponse{Message: "Hello " + req.GetName()}, nil`)
	before := readTree(t, dir)
	if out := svc(t, "generate", "-C", dir); out != "up to date\n" {
		t.Errorf("svc generate after nothing but a handler was written: %s", out)
	}

	edit(t, dir, greeterContract, "service Greeter {", "service Greeter {\n  rpc SayGoodbye(SayHelloRequest) returns (SayHelloResponse);\n")
	files{clockContract: "syntax = \"proto3\";\npackage hello.v1;\nimport \"google/protobuf/empty.proto\";\n" +
		"import \"google/protobuf/timestamp.proto\";\n" +
		"service Clock {\n  rpc Now(google.protobuf.Empty) returns (google.protobuf.Timestamp);\n}\n"}.write(t, dir)
	out := svc(t, "generate", "-C", dir)
	if !strings.Contains(out, greeterHandler+" (you edited it") {
		t.Errorf("svc generate does not name the handler that was edited: %s", out)
	}
	after := readTree(t, dir)[greeterHandler]
	if got := strings.Replace(after, goodbyeStub, "", 1); got != before[greeterHandler] || got == after {
		t.Errorf("svc generate adds more or less than a method to fill in: %s", diff(before[greeterHandler], after))
	}
	project := inProject(dir)
	project.run(t, "go", "vet", "./...")
	project.run(t, "go", "test", "-count=1", "./internal/service/...")
	testRegenerated(t, dir)

	before.below(greeterContract).write(t, dir)
	if err := os.Remove(filepath.Join(dir, clockContract)); err != nil {
		t.Fatal(err)
	}
	svc(t, "generate", "-C", dir)
	compare(t, readTree(t, dir), before)
}

func testRegenerated(t *testing.T, dir string) {
	t.Helper()
	app := start(t, buildApps(t, dir), "hello", loopback("HELLO"))
	addr, _ := app.serving(t)
	conn := dial(t, addr)
	for method, want := range map[string]codes.Code{
		"hello.v1.Greeter/SayHello":   codes.OK,
		"hello.v1.Greeter/SayGoodbye": codes.Unimplemented,
		"hello.v1.Clock/Now":          codes.Unimplemented,
	} {
		if _, err := conn.call(within(t), t, method, []string{`{}`}); status.Code(err) != want {
			t.Errorf("%s: %v, want %s", method, err, want)
		}
	}
	app.log.await(t, line{"method": "hello.v1.Clock/Now", "error": "rpc error: code = Unimplemented desc = hello.v1.Clock.Now is not implemented"})
	if code := app.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestRunsAlone starts an app with no registry, config file or flag. Only its addresses are moved, for the sake of
// tests that run beside this one.
func TestRunsAlone(t *testing.T) {
	t.Parallel()
	app := start(t, buildApps(t, filepath.Join(goldens, "minimal")), "hello", loopback("HELLO"))
	addr, _ := app.serving(t)
	checkAlone(t, app, "INFO", "hello.v1.Greeter") // svc.yaml says registry: none
	if warning, _, _ := app.log.find(line{"level": "WARN"}); warning != nil {
		t.Errorf("it warns, though all is as it should be: %v", warning)
	}

	_, err := dial(t, addr).call(within(t), t, "hello.v1.Greeter/SayHello", []string{`{"name": "you"}`})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("got %v, want Unimplemented", err)
	}
	if code := app.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	app.log.await(t, line{"msg": "stopped"})
}

// TestWrongSettings has an app say what is wrong with what it is told about others, before it does anything.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	bin := buildApps(t, filepath.Join(goldens, "minimal"))
	app := exec.Command(executable(t, bin, "hello"), "--set", "client.balancing=a.v1.A=fastest", "--set", "client.propagate=grpc-timeout")
	said, err := app.CombinedOutput()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || failed.ExitCode() != 2 {
		t.Errorf("got %v, want exit code 2", err)
	}
	for _, key := range []string{"client.balancing.a.v1.A: ", "client.propagate: "} {
		if !strings.Contains(string(said), key) {
			t.Errorf("it does not name %s\n%s", key, said)
		}
	}
}

// checkAlone looks for what an app says that nobody can find.
func checkAlone(t *testing.T, app *process, level string, services ...string) {
	t.Helper()
	said := app.log.await(t, line{"level": level, "msg": "not registered"})
	var named []string
	for _, s := range said["services"].([]any) {
		named = append(named, s.(string))
	}
	if !slices.Equal(named, services) {
		t.Errorf("it names %v, want %v", named, services)
	}
}

// loopback has an app listen where only this machine can connect, on any free port.
func loopback(app string) []string {
	return []string{
		app + "_SERVER_GRPC_ADDR=127.0.0.1:0", app + "_SERVER_ADMIN_ADDR=127.0.0.1:0",
		app + "_REGISTRY_CACHE_DIR=none", // not below the home of whoever tests
	}
}

func edit(t *testing.T, dir, name, old, new string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(content), old) != 1 {
		t.Fatalf("%s: %q is not in it once", name, old)
	}
	files{name: strings.Replace(string(content), old, new, 1)}.write(t, dir)
}
