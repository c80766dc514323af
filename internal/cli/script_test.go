package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/svcgen/svc/internal/plugin"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/scratch"
	"github.com/svcgen/svc/internal/ui"
)

// TestMain lets the test binary be svc and protoc-gen-svc, and the programs that the stories need beside them:
//
//	fakeprotoc OPTIONS DIR   runs protoc-gen-svc on the contract below DIR and prints what it answers:
//	                         an error, or the names of its files
//	descriptor-set DIR       prints what protoc -o writes for the contract below DIR
//
// A script that links the test binary as go, first in PATH, gets a go command that fails.
func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "go" {
		brokenGo()
		os.Exit(1)
	}
	scratch.InMemory()
	testscript.Main(m, map[string]func(){
		"svc":            func() { os.Exit(Main()) },
		"protoc-gen-svc": func() { os.Exit(plugin.Main(os.Stdin, os.Stdout, os.Stderr)) },
		"fakeprotoc":     func() { must(fakeProtoc(os.Args[1], os.Args[2])) },
		"descriptor-set": func() { must(descriptorSet(os.Args[1])) },
	})
}

// TestScripts runs the stories in testdata/script, beside what testscript has, with these commands:
//
//	exitcode N COMMAND…      the command ends with exit code N
//	edit FILE OLD NEW        replaces a text that must be there once; \n is a newline, \t a tab
//	snapshot DIR             remembers every file below DIR, with its time
//	untouched DIR            nothing below DIR has been written, made or removed since
//	json FILE                FILE, e.g. stdout, is JSON
//	lines FILE TEXT…         FILE holds these texts in this order
func TestScripts(t *testing.T) {
	buildStubPlugins(t)
	testscript.Run(t, params("script"))
}

// params are those of the stories in a folder of testdata.
func params(folder string) testscript.Params {
	return testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", folder),
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
		Setup:               setup,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "", // writes what cmp finds different
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode":  exitcodeCmd,
			"edit":      editCmd,
			"snapshot":  snapshotCmd,
			"untouched": untouchedCmd,
			"json":      jsonCmd,
			"lines":     linesCmd,
		},
	}
}

// buildStubPlugins has the plugins that all stories share built, so that none of them says so.
func buildStubPlugins(t *testing.T) {
	t.Helper()
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "first")
	if code := Run(t.Context(), &ui.IO{Out: &out, Err: &out}, []string{"new", "first", "--no-tidy", "--dir", dir}); code != exitOK {
		t.Fatalf("svc new ends with %d:\n%s", code, &out)
	}
}

// setup gives a story the caches of this machine and nothing else of it.
func setup(e *testscript.Env) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	out, err := exec.Command("go", "env", "-json", "GOPATH", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return err
	}
	for key, value := range env {
		e.Setenv(key, value)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	e.Setenv("XDG_CACHE_HOME", cache) // where os.UserCacheDir looks on unix
	e.Setenv("LocalAppData", cache)   // and on windows
	e.Setenv("SELF", self)
	e.Values[snapshots{}] = map[string]string{}
	return nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func exitcodeCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N command…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func editCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	content := ts.ReadFile(args[0])
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	old, next := unescape.Replace(args[1]), unescape.Replace(args[2])
	if strings.Count(content, old) != 1 {
		ts.Fatalf("%s holds %q %d times, want once", args[0], old, strings.Count(content, old))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(content, old, next, 1)), 0o644))
}

// snapshots is the key of a script's snapshots, by folder.
type snapshots struct{}

func snapshotCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snapshot DIR")
	}
	ts.Value(snapshots{}).(map[string]string)[ts.MkAbs(args[0])] = state(ts, args[0])
}

func untouchedCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: untouched DIR")
	}
	was, ok := ts.Value(snapshots{}).(map[string]string)[ts.MkAbs(args[0])]
	if !ok {
		ts.Fatalf("there is no snapshot of %s", args[0])
	}
	if diff := udiff.Unified("before", "now", was, state(ts, args[0])); diff != "" {
		ts.Fatalf("%s has been touched:\n%s", args[0], diff)
	}
}

// state is a line for each file and folder below dir. The time of a folder is left out: svc may look for a lock in it.
func state(ts *testscript.TestScript, dir string) string {
	var b strings.Builder
	root := ts.MkAbs(dir)
	ts.Check(filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		fmt.Fprintf(&b, "%s %v", filepath.ToSlash(rel), info.Mode())
		if !e.IsDir() {
			fmt.Fprintf(&b, " %d %d", info.Size(), info.ModTime().UnixNano())
		}
		b.WriteByte('\n')
		return err
	}))
	return b.String()
}

func jsonCmd(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: json FILE")
	}
	if json.Valid([]byte(ts.ReadFile(args[0]))) == neg {
		ts.Fatalf("%s is JSON: %t", args[0], neg)
	}
}

func linesCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: lines FILE TEXT…")
	}
	rest := ts.ReadFile(args[0])
	for _, text := range args[1:] {
		_, after, found := strings.Cut(rest, text)
		if !found {
			ts.Fatalf("%s does not hold %q after the texts before it", args[0], text)
		}
		rest = after
	}
}

func fakeProtoc(parameter, dir string) error {
	c, err := protoload.Load(context.Background(), protoload.Source{Dir: dir, Roots: []string{"."}})
	if err != nil {
		return err
	}
	c.Request.Parameter = proto.String(parameter)
	request, err := proto.Marshal(c.Request)
	if err != nil {
		return err
	}
	cmd := exec.Command("protoc-gen-svc")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), os.Stderr
	content, err := cmd.Output()
	if err != nil {
		return err
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(content, response); err != nil {
		return err
	}
	if response.Error != nil {
		fmt.Println("error:", response.GetError())
	}
	for _, f := range response.File {
		fmt.Println(f.GetName())
	}
	return nil
}

// descriptorSet writes the contract below dir as protoc --include_imports --include_source_info does.
func descriptorSet(dir string) error {
	c, err := protoload.Load(context.Background(), protoload.Source{Dir: dir, Roots: []string{"."}})
	if err != nil {
		return err
	}
	content, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: c.Request.ProtoFile})
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(content)
	return err
}

// brokenGo is a go command that fails, or that the user interrupts while it runs: then it sends the interrupt to svc,
// and goes on until svc sends it on. Before, somebody else may take the project's folder away.
func brokenGo() {
	switch os.Getenv("BROKEN_GO") {
	case "interrupted":
	case "interrupted, folder taken":
		stage, err := os.Getwd()
		must(err)
		dir := filepath.Dir(stage)
		must(errors.Join(os.Rename(dir, dir+".moved"), os.WriteFile(dir, nil, 0o644)))
	default:
		fmt.Fprintln(os.Stderr, "go: downloading example.com/x v1.0.0")
		fmt.Fprintln(os.Stderr, "go: example.com/x@v1.0.0: no such host")
		return
	}
	temporary := filepath.Join(os.TempDir(), "go-build")
	must(os.MkdirAll(temporary, 0o755))
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	svc, err := os.FindProcess(os.Getppid())
	if err == nil {
		err = svc.Signal(os.Interrupt)
	}
	must(err)
	<-interrupt
	must(os.Remove(temporary))
}
