package plan

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/tree"
)

// TestMake is the table of DESIGN §5: B is what was emitted last, D what is on disk, N what is emitted now;
// "" is no file. Files have one letter of content.
func TestMake(t *testing.T) {
	tests := []struct {
		name    string
		class   tree.Class
		b, d, n string
		want    Kind   // "" is nothing to do
		base    string // what the lock says afterwards; "" is no entry
		kept    string // the pristine content that is to be kept now: "-" is taken away, "" is left as it is
	}{
		{"fresh", tree.Merge, "", "", "n", Create, "n", "n"},
		{"D=N, adopted", tree.Merge, "", "n", "n", "", "n", "n"},
		{"D=N=B", tree.Merge, "n", "n", "n", "", "n", ""},
		{"D=N, the user was first", tree.Merge, "b", "n", "n", "", "n", "n"},
		{"D=B", tree.Merge, "b", "b", "n", Update, "n", "n"},
		{"N=B, edited", tree.Merge, "b", "d", "b", "", "b", ""},
		{"N=B, deleted", tree.Merge, "b", "", "b", "", "b", ""},
		{"deleted, and emitted anew", tree.Merge, "b", "", "n", Gone, "b", ""},
		{"no B, in the way", tree.Merge, "", "d", "n", Conflict, "", ""},
		{"no N, untouched", tree.Merge, "b", "b", "", Delete, "", "-"},
		{"no N, edited", tree.Merge, "b", "d", "", Orphan, "b", ""},
		{"no N, deleted", tree.Merge, "b", "", "", "", "", "-"},
		{"edited on both sides", tree.Merge, "b", "d", "n", Keep, "b", ""},

		{"a declaration file, fresh", tree.Decl, "", "", "n", Create, "n", "n"},
		{"a declaration file, D=B", tree.Decl, "b", "b", "n", Update, "n", "n"},
		{"a declaration file, edited on both sides", tree.Decl, "b", "d", "n", Keep, "b", ""},

		{"owned, fresh", tree.Owned, "", "", "n", Create, "n", ""},
		{"owned, D=N", tree.Owned, "b", "n", "n", "", "n", ""},
		{"owned, D=B", tree.Owned, "b", "b", "n", Update, "n", ""},
		{"owned, edited", tree.Owned, "b", "d", "n", Update, "n", ""},
		{"owned, edited, N=B", tree.Owned, "b", "d", "b", Update, "b", ""},
		{"owned, deleted", tree.Owned, "b", "", "n", Create, "n", ""},
		{"owned, deleted, N=B", tree.Owned, "b", "", "b", Create, "b", ""},
		{"owned, no N", tree.Owned, "b", "b", "", Delete, "", ""},
		{"owned, no N, edited", tree.Owned, "b", "d", "", Orphan, "b", ""},
		{"owned, no N, deleted", tree.Owned, "b", "", "", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const path = "a/x"
			base, disk := lock.New(), map[string][]byte{}
			var files []tree.File
			if tt.b != "" {
				base.Files[path] = lock.Entry{Class: tt.class, Template: "t", Sum: tree.Sum([]byte(tt.b))}
			}
			if tt.d != "" {
				disk[path] = []byte(tt.d)
			}
			if tt.n != "" {
				files = append(files, tree.File{Path: path, Content: []byte(tt.n), Class: tt.class, Template: "t"})
			}
			p := Make(newTree(t, files), base, disk)
			checkAction(t, p, tt.want, tt.d, tt.n)
			checkBase(t, p, path, tt.base, tt.kept)
		})
	}
}

func newTree(t *testing.T, files []tree.File) *tree.Tree {
	t.Helper()
	tr, err := tree.New(files)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func checkAction(t *testing.T, p *Plan, want Kind, disk, next string) {
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
	if string(a.Old) != disk || a.HadFile != (disk != "") || string(a.New) != next {
		t.Errorf("got %+v, want old %q and new %q", a, disk, next)
	}
	if writes := want == Create || want == Update || want == Delete; p.Writes() != writes {
		t.Errorf("Writes is %t for %s", p.Writes(), want)
	}
	if p.Conflicts() != (want == Conflict) {
		t.Errorf("Conflicts is %t for %s", p.Conflicts(), want)
	}
	if left := want == Keep || want == Conflict || want == Orphan || want == Gone; p.Settled() == left {
		t.Errorf("Settled is %t for %s", p.Settled(), want)
	}
}

func checkBase(t *testing.T, p *Plan, path, base, kept string) {
	t.Helper()
	entry, ok := p.Lock.Files[path]
	if ok != (base != "") || ok && entry.Sum != tree.Sum([]byte(base)) {
		t.Errorf("the lock has %+v, %t, want the base %q", entry, ok, base)
	}
	content, ok := p.Bases[path]
	switch {
	case kept == "" && ok, kept != "" && !ok, kept == "-" && content != nil, len(kept) > 0 && kept != "-" && !bytes.Equal(content, []byte(kept)):
		t.Errorf("the base to keep is %q, %t, want %q", content, ok, kept)
	}
}

// TestMakeReasons checks that what people are told about is only what they did.
func TestMakeReasons(t *testing.T) {
	file := tree.File{Path: "gen/x", Content: []byte("n"), Class: tree.Owned}
	base := lock.New()
	base.Files["gen/x"] = lock.Entry{Class: tree.Owned, Sum: tree.Sum([]byte("b"))}
	for disk, edited := range map[string]bool{"b": false, "d": true} {
		p := Make(newTree(t, []tree.File{file}), base, map[string][]byte{"gen/x": []byte(disk)})
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
	p := Make(newTree(t, files), lock.New(), nil)
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
	again := Make(newTree(t, files), p.Lock, disk)
	if len(again.Actions) != 0 || len(again.Bases) != 0 || !maps.Equal(again.Lock.Files, p.Lock.Files) {
		t.Errorf("a second run would do %+v, and keep %v", again.Actions, again.Bases)
	}
}

// TestMakeClassChange checks that a file that becomes the user's gets a base, and one that becomes svc's loses it.
func TestMakeClassChange(t *testing.T) {
	content := []byte("x")
	for was, is := range map[tree.Class]tree.Class{tree.Owned: tree.Merge, tree.Merge: tree.Owned} {
		base := lock.New()
		base.Files["x"] = lock.Entry{Class: was, Sum: tree.Sum(content)}
		p := Make(newTree(t, []tree.File{{Path: "x", Content: content, Class: is}}), base, map[string][]byte{"x": content})
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
			p := Make(newTree(t, []tree.File{f}), lock.New(), map[string][]byte{tt.path: []byte(tt.disk)})
			if len(p.Actions) != 1 || p.Actions[0].Kind != tt.want {
				t.Errorf("got %+v, want %s", p.Actions, tt.want)
			}
		})
	}
}
