package plan

import (
	"reflect"
	"slices"
	"testing"

	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/tree"
)

// TestMake is the table of DESIGN §5: B is what was emitted last, D what is on disk, N what is emitted now;
// "" is no file. Files have one word of content; a merge puts both sides together, unless one says "clash".
func TestMake(t *testing.T) {
	tests := []struct {
		name    string
		class   tree.Class
		b, d, n string
		want    Kind   // "" is nothing to do
		base    string // what counts as emitted last afterwards; "" is nothing
	}{
		{"fresh", tree.Merge, "", "", "n", Create, "n"},
		{"D=N, adopted", tree.Merge, "", "n", "n", "", "n"},
		{"D=N=B", tree.Merge, "n", "n", "n", "", "n"},
		{"D=N, the user was first", tree.Merge, "b", "n", "n", "", "n"},
		{"D=B", tree.Merge, "b", "b", "n", Update, "n"},
		{"N=B, edited", tree.Merge, "b", "d", "b", "", "b"},
		{"N=B, deleted", tree.Merge, "b", "", "b", "", "b"},
		{"deleted, and emitted anew", tree.Merge, "b", "", "n", Gone, "n"},
		{"no B, in the way", tree.Merge, "", "d", "n", Conflict, ""},
		{"B lost", tree.Merge, "lost", "d", "n", Conflict, "lost"},
		{"B lost, D=N", tree.Merge, "lost", "n", "n", "", "n"},
		{"no N, untouched", tree.Merge, "b", "b", "", Delete, ""},
		{"no N, edited", tree.Merge, "b", "d", "", Orphan, "b"},
		{"no N, deleted", tree.Merge, "b", "", "", "", ""},
		{"no N, B lost", tree.Merge, "lost", "d", "", Orphan, "lost"},
		{"edited on both sides", tree.Merge, "b", "d", "n", Merge, "n"},
		{"edited on both sides, in one place", tree.Merge, "b", "clash", "n", Conflict, "b"},
		{"edited, and can't be read", tree.Merge, "b", "broken", "n", Keep, "b"},

		{"a declaration file, fresh", tree.Decl, "", "", "n", Create, "n"},
		{"a declaration file, D=B", tree.Decl, "b", "b", "n", Update, "n"},

		{"owned, fresh", tree.Owned, "", "", "n", Create, "n"},
		{"owned, D=N", tree.Owned, "b", "n", "n", "", "n"},
		{"owned, D=B", tree.Owned, "b", "b", "n", Update, "n"},
		{"owned, edited", tree.Owned, "b", "d", "n", Update, "n"},
		{"owned, edited, N=B", tree.Owned, "b", "d", "b", Update, "b"},
		{"owned, deleted", tree.Owned, "b", "", "n", Create, "n"},
		{"owned, deleted, N=B", tree.Owned, "b", "", "b", Create, "b"},
		{"owned, no N", tree.Owned, "b", "b", "", Delete, ""},
		{"owned, no N, edited", tree.Owned, "b", "d", "", Delete, ""},
		{"owned, no N, deleted", tree.Owned, "b", "", "", "", ""},
		{"owned, formatted", tree.Owned, "b {1}", "b\n\t{1}\r\n", "b {1}", "", "b {1}"},
		{"owned, formatted, and emitted anew", tree.Owned, "b {1}", "b\n\t{1}\r\n", "n", Update, "n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, tt.class, tt.b, tt.d, tt.n)
			p := Make(in)
			checkAction(t, p, tt.want, tt.d)
			checkBase(t, in, p, tt.class, tt.base)
			if edited := tt.class == tree.Owned && tt.d == "d"; len(p.Actions) > 0 && p.Actions[0].Edited != edited {
				t.Errorf("Edited is %t", !edited)
			}
		})
	}
}

const file = "gen/x"

// input is a project of one file. A base that is "lost" is in the lock only.
func input(t *testing.T, class tree.Class, b, d, n string) Input {
	t.Helper()
	in := Input{Lock: lock.New(), Bases: map[string][]byte{}, Disk: map[string][]byte{}, Merge: join}
	var files []tree.File
	if b != "" {
		in.Lock.Files[file] = lock.EntryOf(tree.File{Content: []byte(b), Class: class, Template: "t"})
	}
	if b != "" && b != "lost" && class != tree.Owned {
		in.Bases[file] = []byte(b)
	}
	if d != "" {
		in.Disk[file] = []byte(d)
	}
	if n != "" {
		files = append(files, tree.File{Path: file, Content: []byte(n), Class: class, Template: "t"})
	}
	in.Generated = newTree(t, files)
	return in
}

func join(_ string, _, disk, next []byte) Merged {
	switch string(disk) {
	case "clash":
		return Merged{Conflict: "clash", Marked: []byte("<<<")}
	case "broken":
		return Merged{Broken: "broken"}
	}
	return Merged{Content: slices.Concat(disk, []byte("+"), next)}
}

func newTree(t *testing.T, files []tree.File) *tree.Tree {
	t.Helper()
	tr, err := tree.New(files)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func checkAction(t *testing.T, p *Plan, want Kind, disk string) {
	t.Helper()
	if want == "" {
		if len(p.Actions) != 0 {
			t.Errorf("got %+v, want nothing to do", p.Actions)
		}
		return
	}
	if len(p.Actions) != 1 || p.Actions[0].Kind != want {
		t.Fatalf("got %+v, want %s", p.Actions, want)
	}
	a := p.Actions[0]
	if string(a.Old) != disk || a.HadFile != (disk != "") {
		t.Errorf("got %+v, want old %q", a, disk)
	}
	p.WithoutMarkers()
	if writes := slices.Contains([]Kind{Create, Update, Delete, Merge}, want); p.Writes() != writes {
		t.Errorf("Writes is %t for %s", p.Writes(), want)
	}
	if p.Conflicts() != (want == Conflict) {
		t.Errorf("Conflicts is %t for %s", p.Conflicts(), want)
	}
	if left := slices.Contains([]Kind{Keep, Conflict, Orphan}, want); p.Settled() == left {
		t.Errorf("Settled is %t for %s", p.Settled(), want)
	}
	if p.Drift() != (want != Gone) {
		t.Errorf("Drift is %t for %s", p.Drift(), want)
	}
}

// checkBase checks the lock, and the base as it is after the plan.
func checkBase(t *testing.T, in Input, p *Plan, class tree.Class, want string) {
	t.Helper()
	entry, ok := p.Lock.Files[file]
	if ok != (want != "") || class == tree.Owned && ok && entry.Sum != tree.Sum([]byte(want)) {
		t.Errorf("the lock has %+v, %t, want the base %q", entry, ok, want)
	}
	base, changed := p.Bases[file]
	if !changed {
		base = in.Bases[file]
	}
	if class == tree.Owned || want == "lost" {
		want = ""
	}
	if string(base) != want {
		t.Errorf("the base is %q, want %q", base, want)
	}
}

// TestMakeReasons checks that what people are told about is only what they did.
func TestMakeReasons(t *testing.T) {
	file := tree.File{Path: "gen/x", Content: []byte("n"), Class: tree.Owned}
	last := lock.New()
	last.Files["gen/x"] = lock.Entry{Class: tree.Owned, Sum: tree.Sum([]byte("b"))}
	for disk, edited := range map[string]bool{"b": false, "d": true} {
		p := Make(Input{Generated: newTree(t, []tree.File{file}), Lock: last, Disk: map[string][]byte{"gen/x": []byte(disk)}})
		if got := p.Actions[0].Reason; (got != "") != edited {
			t.Errorf("disk %s: the reason is %q", disk, got)
		}
	}
}

// TestMakeTwice checks that a plan that was followed leaves nothing to do, and that order doesn't matter.
func TestMakeTwice(t *testing.T) {
	files := []tree.File{
		{Path: "b", Content: []byte("1"), Class: tree.Merge}, {Path: "gen/a", Content: []byte("2"), Class: tree.Owned},
		{Path: "c/d", Content: nil, Class: tree.Decl},
	}
	p := Make(Input{Generated: newTree(t, files), Lock: lock.New()})
	var paths []string
	disk := map[string][]byte{}
	for _, a := range p.Actions {
		paths = append(paths, a.Path)
		disk[a.Path] = a.New
	}
	if !slices.IsSorted(paths) || len(paths) != 3 {
		t.Errorf("the actions are on %v", paths)
	}
	slices.Reverse(files)
	again := Make(Input{Generated: newTree(t, files), Lock: p.Lock, Bases: p.Bases, Disk: disk})
	if len(again.Actions) != 0 || len(again.Bases) != 0 || !reflect.DeepEqual(again.Lock.Files, p.Lock.Files) {
		t.Errorf("a second run would do %+v, and keep %v", again.Actions, again.Bases)
	}
}

// TestMakeClassChange checks that a file that becomes the user's gets a base, and one that becomes svc's loses it.
func TestMakeClassChange(t *testing.T) {
	content := []byte("x")
	for was, is := range map[tree.Class]tree.Class{tree.Owned: tree.Merge, tree.Merge: tree.Owned} {
		in := Input{Lock: lock.New(), Disk: map[string][]byte{"x": content}, Bases: map[string][]byte{}}
		in.Lock.Files["x"] = lock.EntryOf(tree.File{Content: content, Class: was})
		if was != tree.Owned {
			in.Bases["x"] = content
		}
		in.Generated = newTree(t, []tree.File{{Path: "x", Content: content, Class: is}})
		p := Make(in)
		kept, ok := p.Bases["x"]
		if !ok || (kept != nil) != (is == tree.Merge) {
			t.Errorf("%s to %s: the base to keep is %q, %t", was, is, kept, ok)
		}
	}
}

// A Go file outside gen/ that svc has not emitted and that no generator wrote is its owner's, whatever svc would put there.
func TestOwnedOutsideGen(t *testing.T) {
	tests := map[string]struct {
		path, disk string
		want       Kind
	}{
		"written by hand":        {"pb/a.pb.go", "package pb\n", Conflict},
		"written by a generator": {"pb/a.pb.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\n\npackage pb\n", Update},
		"in gen/":                {"gen/a.go", "package gen\n", Update},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := tree.File{Path: tt.path, Content: []byte("package new\n"), Class: tree.Owned, Template: "t"}
			p := Make(Input{Generated: newTree(t, []tree.File{f}), Lock: lock.New(), Disk: map[string][]byte{tt.path: []byte(tt.disk)}})
			if len(p.Actions) != 1 || p.Actions[0].Kind != tt.want {
				t.Errorf("got %+v, want %s", p.Actions, tt.want)
			}
		})
	}
}

// TestResolve checks what a decision of the owner's does about each kind of file that needs one.
func TestResolve(t *testing.T) {
	ours, theirs := Resolution{}, Resolution{Theirs: true}
	restored := Resolution{Content: []byte("before")}
	tests := []struct {
		name    string
		b, d, n string
		decided Resolution
		want    Kind // "" is nothing to do
		content string
		base    string
	}{
		{"a conflict, ours", "b", "clash", "n", ours, "", "", "n"},
		{"a conflict, ours as it was before the markers", "b", "clash", "n", restored, Update, "before", "n"},
		{"a conflict, theirs", "b", "clash", "n", theirs, Update, "n", "n"},
		{"in the way, ours", "", "d", "n", ours, "", "", "n"},
		{"in the way, theirs", "", "d", "n", theirs, Update, "n", "n"},
		{"no longer emitted, ours", "b", "d", "", ours, "", "", ""},
		{"no longer emitted, theirs", "b", "d", "", theirs, Delete, "", ""},
		{"deleted, theirs", "b", "", "n", theirs, Create, "n", "n"},
		{"deleted and not changed, theirs", "n", "", "n", theirs, Create, "n", "n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, tree.Merge, tt.b, tt.d, tt.n)
			in.Resolved = map[string]Resolution{file: tt.decided}
			p := Make(in)
			if !slices.Equal(p.Resolved, []string{file}) {
				t.Errorf("resolved are %q", p.Resolved)
			}
			checkBase(t, in, p, tree.Merge, tt.base)
			var got Action
			if len(p.Actions) > 0 {
				got = p.Actions[0]
			}
			if got.Kind != tt.want || string(got.Content()) != tt.content {
				t.Errorf("got %+v, want %q of %q", got, tt.want, tt.content)
			}
		})
	}
}

// TestMoved checks that a file that is emitted at another path takes what its owner made of it along.
func TestMoved(t *testing.T) {
	tests := []struct {
		name, b, d, n string
		content       string // at the new path
		old           Kind   // at the old one
	}{
		{"untouched", "b", "b", "n", "n", Delete},
		{"edited", "b", "d", "b", "d", Delete},
		{"edited, and emitted anew", "b", "d", "n", "d+n", Delete},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, tree.Merge, tt.b, tt.d, "")
			in.Generated = newTree(t, []tree.File{{Path: "gen/y", Content: []byte(tt.n), Class: tree.Merge, Template: "t"}})
			in.Moved = map[string]string{file: "gen/y"}
			p := Make(in)
			if len(p.Actions) != 2 || p.Actions[0].Kind != tt.old || p.Actions[1].Kind != Create || string(p.Actions[1].New) != tt.content {
				t.Errorf("got %+v", p.Actions)
			}
		})
	}
}

// TestMovedHeld checks that a file that can't follow to its new path stays where it is, and is a conflict.
func TestMovedHeld(t *testing.T) {
	in := input(t, tree.Merge, "b", "clash", "")
	in.Generated = newTree(t, []tree.File{{Path: "gen/y", Content: []byte("n"), Class: tree.Merge, Template: "t"}})
	in.Moved = map[string]string{file: "gen/y"}
	for _, taken := range []bool{false, true} {
		if taken {
			in.Disk["gen/y"] = []byte("mine")
		}
		p := Make(in)
		if len(p.Actions) != 1 || p.Actions[0].Kind != Conflict || p.Actions[0].Path != file || p.Lock.Files[file].Sum == "" {
			t.Errorf("taken %t: got %+v", taken, p.Actions)
		}
	}
}

// TestOutside checks that a link that leads out of the project is left alone.
func TestOutside(t *testing.T) {
	in := input(t, tree.Merge, "b", "", "n")
	in.Outside = map[string]bool{file: true}
	p := Make(in)
	if len(p.Actions) != 1 || p.Actions[0].Kind != Keep || p.Drift() || p.Writes() {
		t.Errorf("got %+v", p.Actions)
	}
}
