package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/proto"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/plugin"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/tree"
)

// shopDir holds the project that the stories of regeneration begin with.
const shopDir = "../../testdata/regenerate/shop"

// TestRegenerate runs the stories in testdata/regenerate: what svc generate does to a project that its owner has edited.
// Beside the commands of TestScripts they have:
//
//	project LAYER…           makes the project shop of testdata/regenerate/shop, with a handler that its owner wrote, and goes there
//	older FILE NEW OLD       makes the project one of an older svc, which emitted OLD where this one emits NEW
//	plugin                   does what protoc does with protoc-gen-svc and project=.: writes what it answers. It prints what that
//	                         says on standard error
//	lines FILE TEXT…         FILE holds these texts in this order; \n is a newline, \t a tab
//	yours                    every line that the owner wrote into that handler is in a file of its package
//	compiles                 the handlers, their tests and the wiring build and vet
//	settled                  another run, and a check, find nothing to do
//	crlf FILE, trim FILE     gives it CRLF line endings, or takes the final newline off; allcrlf and trimmed check that
func TestRegenerate(t *testing.T) {
	buildStubPlugins(t)
	shop, err := filepath.Abs(shopDir)
	if err != nil {
		t.Fatal(err)
	}
	p := params("regenerate")
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("SHOP", shop)
		return setup(e)
	}
	maps.Copy(p.Cmds, map[string]func(*testscript.TestScript, bool, []string){
		"project":  projectCmd,
		"older":    olderCmd,
		"plugin":   pluginCmd,
		"lines":    textsCmd,
		"yours":    yoursCmd,
		"compiles": compilesCmd,
		"settled":  settledCmd,
		"crlf":     rewriteCmd(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }),
		"trim":     rewriteCmd(func(s string) string { return strings.TrimSuffix(s, "\n") }),
		"allcrlf":  holdsCmd(func(s string) bool { return strings.Count(s, "\r\n") == strings.Count(s, "\n") }),
		"trimmed":  holdsCmd(func(s string) bool { return !strings.HasSuffix(s, "\n") }),
	})
	testscript.Run(t, p)
}

// catalogFile is the handler that the owner of the project has written.
const catalogFile = "internal/service/shop/v1/catalog.go"

func projectCmd(ts *testscript.TestScript, _ bool, layers []string) {
	args := []string{"new", "shop", "--proto", os.Expand("$SHOP/api", ts.Getenv), "--module", "example.com/shop", "--registry", "none", "--no-tidy"}
	for _, layer := range []string{"docker", "helm"} {
		if !slices.Contains(layers, layer) {
			args = append(args, "--without", layer)
		}
	}
	ts.Check(ts.Exec("svc", args...))
	ts.Check(ts.Chdir("shop"))
	ts.Check(os.WriteFile(ts.MkAbs("../emitted.go"), []byte(ts.ReadFile(catalogFile)), 0o644))
	mine := ts.ReadFile(filepath.Join(ts.Getenv("SHOP"), "catalog.go"))
	ts.Check(os.WriteFile(ts.MkAbs(catalogFile), []byte(mine), 0o644))
}

// olderCmd changes what svc keeps of its last emission as well as the file. What it remembers of this machine is of another svc.
func olderCmd(ts *testscript.TestScript, neg bool, args []string) {
	base := lock.BasePath(args[0])
	was := tree.Sum([]byte(ts.ReadFile(base)))
	editCmd(ts, neg, append([]string{base}, args[1:]...))
	editCmd(ts, neg, args)
	editCmd(ts, neg, []string{lock.Path, was, tree.Sum([]byte(ts.ReadFile(base)))})
	ts.Check(os.RemoveAll(ts.MkAbs(apply.CacheDir)))
}

func pluginCmd(ts *testscript.TestScript, _ bool, _ []string) {
	c, err := protoload.Load(context.Background(), protoload.Source{Dir: ts.MkAbs("api"), Roots: []string{"."}})
	ts.Check(err)
	c.Request.Parameter = proto.String("stubs=true,project=" + ts.MkAbs("."))
	var stderr strings.Builder
	response := plugin.Answer(context.Background(), c.Request, &stderr)
	if response.Error != nil {
		ts.Fatalf("%s", response.GetError())
	}
	for _, f := range response.File {
		name := ts.MkAbs(f.GetName())
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
		ts.Check(os.WriteFile(name, []byte(f.GetContent()), 0o644))
	}
	_, err = io.WriteString(ts.Stdout(), stderr.String())
	ts.Check(err)
}

func textsCmd(ts *testscript.TestScript, neg bool, args []string) {
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	texts := slices.Clone(args)
	for i := range texts {
		texts[i] = unescape.Replace(texts[i])
	}
	linesCmd(ts, neg, texts)
}

// yoursCmd leaves out signatures and imports, which follow the contract, and what svc emitted.
func yoursCmd(ts *testscript.TestScript, _ bool, _ []string) {
	emitted := ts.ReadFile("../emitted.go")
	var all strings.Builder
	ts.Check(filepath.WalkDir(ts.MkAbs("internal/service"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all.Write(content)
		return err
	}))
	text := strings.ReplaceAll(all.String(), "\r\n", "\n")
	for line := range strings.Lines(ts.ReadFile(filepath.Join(ts.Getenv("SHOP"), "catalog.go"))) {
		follows := strings.HasPrefix(line, "func (") || strings.HasPrefix(line, "\t\"")
		if !follows && !strings.Contains(emitted, line) && !strings.Contains(text, line) {
			ts.Fatalf("lost: %s", line)
		}
	}
}

// compilesCmd builds what the contract reaches. With -trimpath, stories share in the cache what they have in common.
func compilesCmd(ts *testscript.TestScript, _ bool, _ []string) {
	if err := ts.Exec("go", "vet", "-mod=mod", "-trimpath", "./internal/service/...", "./gen/wire/..."); err != nil {
		ts.Fatalf("go vet: %v", err)
	}
}

func settledCmd(ts *testscript.TestScript, _ bool, _ []string) {
	for _, args := range [][]string{{"generate"}, {"generate", "--check"}} {
		if err := ts.Exec("svc", args...); err != nil {
			ts.Fatalf("svc %s: %v", strings.Join(args, " "), err)
		}
		if said := ts.ReadFile("stdout"); said != "up to date\n" {
			ts.Fatalf("svc %s says %s", strings.Join(args, " "), said)
		}
	}
}

func rewriteCmd(change func(string) string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(change(ts.ReadFile(args[0]))), 0o644))
	}
}

func holdsCmd(ok func(string) bool) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if !ok(ts.ReadFile(args[0])) {
			ts.Fatalf("%s is not so:\n%s", args[0], ts.ReadFile(args[0]))
		}
	}
}

// regenerationDoc has a table of the stories, and one of what other generators do in the same cases.
const regenerationDoc = "../../docs/regeneration.md"

// storyGroup is a table of the cases whose stories' names begin alike.
type storyGroup struct {
	title    string
	prefixes []string
}

var storyGroups = []storyGroup{
	{"The contract changes", []string{"rpc", "service", "message", "package"}},
	{"What you do to handlers", []string{"handler"}},
	{"`svc.yaml` changes, or svc itself", []string{"app", "layers", "svc", "all"}},
	{"What you do to other files", []string{"file", "gen"}},
	{"Runs, and git", []string{"run", "git"}},
}

// story is the case that a file in testdata/regenerate tells, and what happens in it: its first lines.
type story struct{ name, title, what string }

// TestRegenerationDoc compares the tables with the stories. UPDATE_DOCS=1 writes that of the cases; what others do in a new
// case is for a person to find out.
func TestRegenerationDoc(t *testing.T) {
	content, err := os.ReadFile(regenerationDoc)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(content)
	groups := readStories(t)
	was, is := between(t, doc, "cases"), casesTables(groups)
	if os.Getenv("UPDATE_DOCS") != "" && was != is {
		begin := strings.Index(doc, "<!-- cases -->\n") + len("<!-- cases -->\n")
		if err := os.WriteFile(regenerationDoc, []byte(doc[:begin]+is+doc[begin+len(was):]), 0o644); err != nil {
			t.Fatal(err)
		}
		was = is
	}
	if diff := udiff.Unified("docs/regeneration.md", "the stories", was, is); diff != "" {
		t.Errorf("UPDATE_DOCS=1 go test ./internal/cli -run TestRegenerationDoc writes:\n%s", diff)
	}
	checkPeers(t, slices.Concat(groups...), between(t, doc, "peers"))
}

// readStories reads the first lines of all stories, by group.
func readStories(t *testing.T) [][]story {
	t.Helper()
	files, err := filepath.Glob("../../testdata/regenerate/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	groups := make([][]story, len(storyGroups))
	for _, file := range files {
		s := readStory(t, file)
		prefix, _, _ := strings.Cut(s.name, "_")
		g := slices.IndexFunc(storyGroups, func(g storyGroup) bool { return slices.Contains(g.prefixes, prefix) })
		if g < 0 {
			t.Fatalf("%s: no group begins with %s", file, prefix)
		}
		groups[g] = append(groups[g], s)
	}
	for i := range groups { // the order of prefixes, then that of names
		slices.SortStableFunc(groups[i], func(a, b story) int { return storyGroups[i].place(a) - storyGroups[i].place(b) })
	}
	return groups
}

func (g storyGroup) place(s story) int {
	return slices.IndexFunc(g.prefixes, func(prefix string) bool { return strings.HasPrefix(s.name, prefix) })
}

func readStory(t *testing.T, file string) story {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(content), "\n\n")
	lines := strings.Split(head, "\n")
	for i, line := range lines {
		text, ok := strings.CutPrefix(line, "# ")
		if !ok || len(lines) < 2 || strings.Contains(text, "|") {
			t.Fatalf("%s has to begin with the case, what happens in it, each in lines like # this one, and an empty line", file)
		}
		lines[i] = text
	}
	return story{strings.TrimSuffix(filepath.Base(file), ".txtar"), lines[0], strings.Join(lines[1:], " ")}
}

// between returns what is between two comments of a document.
func between(t *testing.T, doc, name string) string {
	t.Helper()
	_, after, begins := strings.Cut(doc, "<!-- "+name+" -->\n")
	text, _, ends := strings.Cut(after, "<!-- end of "+name+" -->")
	if !begins || !ends {
		t.Fatalf("docs/regeneration.md has no part between <!-- %s --> and <!-- end of %s -->", name, name)
	}
	return text
}

func casesTables(groups [][]story) string {
	var b strings.Builder
	for i, g := range groups {
		fmt.Fprintf(&b, "\n### %s\n\n| case | what happens |\n| --- | --- |\n", storyGroups[i].title)
		for _, s := range g {
			fmt.Fprintf(&b, "| [%s](../testdata/regenerate/%s.txtar) | %s |\n", s.title, s.name, s.what)
		}
	}
	return b.String() + "\n"
}

// checkPeers looks for a whole row for each case, in the same order.
func checkPeers(t *testing.T, stories []story, table string) {
	t.Helper()
	rows := strings.Split(strings.Trim(table, "\n"), "\n")
	if len(rows) != len(stories)+2 {
		t.Errorf("the table of peers has %d rows, want one for each of %d stories", len(rows)-2, len(stories))
	}
	columns := strings.Count(rows[0], "|")
	for i, row := range rows[min(2, len(rows)):] {
		cells := strings.Split(strings.Trim(row, "|"), "|")
		if i < len(stories) && strings.TrimSpace(cells[0]) != stories[i].title {
			t.Fatalf("the row of peers for %q is that of %q", stories[i].title, strings.TrimSpace(cells[0]))
		}
		if strings.Count(row, "|") != columns || slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) == "" }) {
			t.Errorf("a cell is missing or empty, where unknown is –: %s", row)
		}
	}
}
