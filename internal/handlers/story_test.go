package handlers

import (
	"flag"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"golang.org/x/tools/txtar"

	"github.com/svcgen/svc/internal/godecl"
)

var update = flag.Bool("update", false, "write what Sync returns into the stories")

// Each file in testdata is a story: the contract before and after, what the owner has edited in between (lines with a minus
// are replaced by those with a plus, which come at the end of the file when there is nothing to replace), whole files of
// the owner's, what was renamed, and what comes out, as a difference from what the owner had.
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) < 40 {
		t.Fatal("too few stories", len(stories), err)
	}
	for _, name := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { testStory(t, name) })
	}
}

func testStory(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	p := story(t, archive)
	out := Sync(p)
	got := report(p, out)
	last := &archive.Files[len(archive.Files)-1]
	if last.Name != "result" {
		t.Fatal("the last part of a story is its result")
	}
	if *update {
		last.Data = []byte(got)
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(last.Data) {
		t.Errorf("the result is\n%s\nwant\n%s", got, last.Data)
	}
	checkFormat(t, p, out)
	checkLines(t, p, out)
	checkSettled(t, p, out)
}

// story reads a story's package.
func story(t testing.TB, archive *txtar.Archive) Package {
	t.Helper()
	p := Package{Disk: map[string][]byte{}, Renamed: map[string]string{}, Moved: map[string]string{}}
	for _, f := range archive.Files {
		own, isDisk := strings.CutPrefix(f.Name, "disk/")
		switch {
		case f.Name == "before":
			p.Base = emit(t, string(f.Data))
			maps.Copy(p.Disk, p.Base)
		case f.Name == "after":
			p.New = emit(t, string(f.Data))
		case f.Name == "renamed":
			pairsOf(string(f.Data), p.Renamed, "")
		case f.Name == "moved":
			pairsOf(string(f.Data), p.Moved, dir)
		case f.Name == "crlf":
			toCRLF(p.Disk)
		case isDisk:
			p.Disk[dir+own] = f.Data
		case strings.HasPrefix(f.Name, "edit/"):
			name := dir + strings.TrimPrefix(f.Name, "edit/")
			p.Disk[name] = edit(t, string(p.Disk[name]), string(f.Data))
		case strings.HasPrefix(f.Name, "delete/"):
			delete(p.Disk, dir+strings.TrimPrefix(f.Name, "delete/"))
		case strings.HasPrefix(f.Name, "rename/"):
			name := dir + strings.TrimPrefix(f.Name, "rename/")
			p.Disk[dir+strings.TrimSpace(string(f.Data))] = p.Disk[name]
			delete(p.Disk, name)
		case f.Name != "result":
			t.Fatalf("a story has no part %s", f.Name)
		}
	}
	return p
}

func pairsOf(text string, into map[string]string, prefix string) {
	for line := range strings.Lines(text) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), " ")
		into[prefix+from] = prefix + to
	}
}

func toCRLF(files map[string][]byte) {
	for name, src := range files {
		files[name] = []byte("\uFEFF" + strings.TrimSuffix(strings.ReplaceAll(string(src), "\n", "\r\n"), "\r\n"))
	}
}

// edit replaces lines.
func edit(t testing.TB, src, script string) []byte {
	t.Helper()
	for len(script) > 0 {
		var was, is string
		for len(script) > 0 && (script[0] == '-' && is == "" || script[0] == '+') {
			line, rest, _ := strings.Cut(script, "\n")
			if line[0] == '-' {
				was += line[1:] + "\n"
			} else {
				is += line[1:] + "\n"
			}
			script = rest
		}
		switch {
		case was == "" && is == "":
			script = script[1:]
		case was == "":
			src += is
		case strings.Count(src, was) == 0:
			t.Fatalf("nothing to replace:\n%s", was)
		default:
			src = strings.Replace(src, was, is, 1)
		}
	}
	return []byte(src)
}

func report(p Package, out map[string]File) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(out)) {
		f := out[name]
		base := strings.TrimPrefix(name, dir)
		if f.Err != nil {
			fmt.Fprintf(&b, "error: %v\n", f.Err)
		}
		for _, n := range f.Notes {
			fmt.Fprintf(&b, "%s: %s\n", at(base, n), n.Text)
		}
		for _, n := range f.Conflicts {
			fmt.Fprintf(&b, "%s: conflict: %s\n", at(base, n), n.Text)
		}
		if f.Waits {
			fmt.Fprintf(&b, "%s: waits\n", base)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(out)) {
		was, is := plain(p.Disk[name]), plain(out[name].Content)
		b.WriteString(udiff.Unified(before(p, name), after(out, name), was, is))
	}
	return b.String()
}

func before(p Package, name string) string {
	if _, ok := p.Disk[name]; !ok {
		return "nothing"
	}
	return strings.TrimPrefix(name, dir)
}

func after(out map[string]File, name string) string {
	if out[name].Content == nil {
		return "nothing"
	}
	return strings.TrimPrefix(name, dir)
}

func plain(src []byte) string {
	return strings.TrimPrefix(strings.ReplaceAll(string(src), "\r\n", "\n"), "\uFEFF")
}

func at(name string, n godecl.Note) string {
	if n.Line == 0 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, n.Line)
}

// checkFormat holds Sync to what the owner's editor did: what was formatted is so afterwards, and every line ends as before.
func checkFormat(t testing.TB, p Package, out map[string]File) {
	t.Helper()
	for name, f := range out {
		was, exists := p.Disk[name]
		if f.Content == nil || f.Err != nil {
			continue
		}
		formatted, err := format.Source([]byte(plain(f.Content)))
		before, errBefore := format.Source([]byte(plain(was)))
		switch {
		case err != nil && errBefore == nil:
			t.Errorf("%s doesn't parse any more: %v\n%s", name, err, f.Content)
		case err == nil && string(formatted) != plain(f.Content) && (!exists || string(before) == plain(was)):
			t.Errorf("%s is no longer formatted:\n%s", name, udiff.Unified("is", "gofmt", plain(f.Content), string(formatted)))
		}
		if !exists || len(was) == 0 {
			continue
		}
		if crlf := strings.Contains(string(was), "\r\n"); crlf && bareNewlines(f.Content) > bareNewlines(was) {
			t.Errorf("%s has lost the line ends of its owner", name)
		}
		if strings.HasPrefix(string(was), "\uFEFF") != strings.HasPrefix(string(f.Content), "\uFEFF") {
			t.Errorf("%s has another byte order mark", name)
		}
	}
}

func bareNewlines(src []byte) int {
	return strings.Count(string(src), "\n") - strings.Count(string(src), "\r\n")
}

// checkLines counts what the owner has marked as theirs: lines that svc changes keep the mark.
func checkLines(t testing.TB, p Package, out map[string]File) {
	t.Helper()
	was, is := 0, 0
	for name, src := range p.Disk {
		was += strings.Count(string(src), "mine")
		if _, changed := out[name]; !changed {
			is += strings.Count(string(src), "mine")
		}
	}
	for _, f := range out {
		is += strings.Count(string(f.Content), "mine")
	}
	if was != is {
		t.Errorf("%d pieces of the owner's have become %d", was, is)
	}
}

// checkSettled runs again: with the new base nothing is left to do, and with the old one, as after a conflict, nothing changes.
func checkSettled(t testing.TB, p Package, out map[string]File) {
	t.Helper()
	disk := maps.Clone(p.Disk)
	for name, f := range out {
		if f.Content == nil {
			delete(disk, name)
		} else {
			disk[name] = f.Content
		}
	}
	if again := Sync(Package{Base: p.New, New: p.New, Disk: disk}); len(again) > 0 {
		t.Errorf("a second run has something to do: %v", again)
	}
	for name, f := range Sync(Package{Base: p.Base, New: p.New, Disk: disk, Renamed: p.Renamed, Moved: p.Moved}) {
		src, exists := disk[name]
		if exists && string(src) != string(f.Content) || exists != (f.Content != nil) {
			t.Errorf("a second run with the base of the first changes %s:\n%s", name, udiff.Unified("first", "second", string(src), string(f.Content)))
		}
	}
}
