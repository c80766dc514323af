package merge3

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	tests := map[string]struct{ base, ours, theirs, want string }{
		"nothing changed":             {"a\nb\n", "a\nb\n", "a\nb\n", "a\nb\n"},
		"only ours":                   {"a\nb\n", "a\nB\n", "a\nb\n", "a\nB\n"},
		"only theirs":                 {"a\nb\n", "a\nb\n", "A\nb\n", "A\nb\n"},
		"apart":                       {"a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"},
		"the same change":             {"a\nb\n", "a\nX\n", "a\nX\n", "a\nX\n"},
		"the same line added":         {"a\nb\n", "a\nn\nb\n", "a\nn\nb\n", "a\nn\nb\n"},
		"deleted and kept":            {"a\nb\nc\nd\n", "a\nc\nd\n", "a\nb\nc\nD\n", "a\nc\nD\n"},
		"ours has CRLF":               {"a\nb\nc\n", "A\r\nb\r\nc\r\n", "a\nb\nC\n", "A\r\nb\r\nC\r\n"},
		"ours has a byte order mark":  {"a\nb\nc\n", "\uFEFFA\nb\nc\n", "a\nb\nC\n", "\uFEFFA\nb\nC\n"},
		"ours has no final newline":   {"a\nb\nc\n", "A\nb\nc", "a\nb\nC\n", "A\nb\nC"},
		"theirs has no final newline": {"a\nb\nc\n", "A\nb\nc\n", "a\nb\nC", "A\nb\nC\n"},
		"ours has both line ends":     {"a\nb\nc\nd\n", "A\r\nb\nc\nd\n", "a\nb\nc\nD\n", "A\r\nb\nc\nD\n"},
		"ours is empty":               {"a\n", "", "a\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Merge(tt.base, tt.ours, tt.theirs)
			if r.Conflicts() != 0 || r.Text() != tt.want {
				t.Errorf("got %q with %d conflicts, want %q", r.Text(), r.Conflicts(), tt.want)
			}
		})
	}
}

func TestConflict(t *testing.T) {
	r := Merge("a\nb\nc\n", "a\nours\nc\n", "a\ntheirs\nc\n")
	if r.Conflicts() != 1 || r.Text() != "a\nours\nc\n" {
		t.Errorf("got %q with %d conflicts", r.Text(), r.Conflicts())
	}
	const want = "a\n<<<<<<< yours\nours\n||||||| base\nb\n=======\ntheirs\n>>>>>>> svc\nc\n"
	if got := r.Marked("yours", "base", "svc"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestConflictInCRLF checks that git's markers end like all other lines of the file.
func TestConflictInCRLF(t *testing.T) {
	r := Merge("a\nb\n", "a\r\nours\r\n", "a\ntheirs\n")
	const want = "a\r\n<<<<<<< yours\r\nours\r\n||||||| base\r\nb\r\n=======\r\ntheirs\r\n>>>>>>> svc\r\n"
	if got := r.Marked("yours", "base", "svc"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A byte order mark is one at the start of a file only.
func TestConflictOnTheFirstLineStaysBehindTheByteOrderMark(t *testing.T) {
	r := Merge("a\nb\n", "\uFEFFours\nb\n", "theirs\nb\n")
	const want = "\uFEFF<<<<<<< yours\nours\n||||||| base\na\n=======\ntheirs\n>>>>>>> svc\nb\n"
	if got := r.Marked("yours", "base", "svc"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if r.Text() != "\uFEFFours\nb\n" {
		t.Errorf("the text is %q", r.Text())
	}
}

// text makes lines from few words, so that many repeat, as braces do in Go.
func text(r *rand.Rand, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint("w", r.IntN(8))
	}
	return lines
}

func edit(r *rand.Rand, lines []string) []string {
	out := append([]string{}, lines...)
	for range r.IntN(4) {
		i := r.IntN(len(out) + 1)
		switch del := min(r.IntN(3), len(out)-i); r.IntN(3) {
		case 0:
			out = append(out[:i:i], out[i+del:]...)
		default:
			out = append(out[:i:i], append(text(r, 1+r.IntN(2)), out[i+del:]...)...)
		}
	}
	return out
}

func join(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// Properties that hold for every merge.
func TestMergeLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		lines := text(r, r.IntN(12))
		b, o, x := join(lines), join(edit(r, lines)), join(edit(r, lines))
		for _, law := range []struct {
			name       string
			r          Result
			want       string
			alsoSwitch bool
		}{
			{"theirs changed nothing", Merge(b, o, b), o, false},
			{"ours changed nothing", Merge(b, b, x), x, false},
			{"both made the same change", Merge(b, x, x), x, false},
		} {
			if law.r.Conflicts() != 0 || law.r.Text() != law.want {
				t.Fatalf("%s: base %q ours %q theirs %q: got %q", law.name, b, o, x, law.r.Text())
			}
		}
		if one, other := Merge(b, o, x), Merge(b, x, o); one.Conflicts() != other.Conflicts() {
			t.Fatalf("switching sides changes the verdict: base %q ours %q theirs %q", b, o, x)
		}
	}
}

// git merge-file is the oracle. It aligns repeated lines in its own way, so a few verdicts may differ; where both merge
// cleanly, a differing text is rarer still. Every difference would be a lost line if it were not one of alignment, so all
// lines that a side added have to be in the result.
func TestMergeAgreesWithGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Log("git is not installed: the laws above are all that is checked")
		return
	}
	const rounds = 300
	r := rand.New(rand.NewPCG(3, 4))
	verdicts, texts := 0, 0
	for range rounds {
		lines := text(r, 4+r.IntN(30))
		b, o, x := join(lines), join(edit(r, lines)), join(edit(r, lines))
		want, clean := gitMerge(t, git, b, o, x)
		got := Merge(b, o, x)
		if clean != (got.Conflicts() == 0) {
			verdicts++
		} else if clean && got.Text() != want {
			texts++
		}
	}
	if verdicts > rounds*3/100 || texts > rounds/100 {
		t.Errorf("of %d merges, %d have another verdict than git's and %d another text", rounds, verdicts, texts)
	}
}

func gitMerge(t *testing.T, git, base, ours, theirs string) (merged string, clean bool) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"base": base, "ours": ours, "theirs": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(git, "merge-file", "-p", "ours", "base", "theirs")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	return out.String(), err == nil
}

// FuzzMerge looks for panics and for lines that get lost without a conflict.
func FuzzMerge(f *testing.F) {
	f.Add("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n")
	f.Add("a\r\nb", "\uFEFFa\nb\n", "")
	f.Fuzz(func(t *testing.T, base, ours, theirs string) {
		if Merge(base, ours, base).Text() != ours && !strings.Contains(base+ours, "\r") && !strings.Contains(base+ours, byteOrderMark) {
			t.Errorf("ours is not kept: base %q ours %q", base, ours)
		}
		r := Merge(base, ours, theirs)
		if r.Conflicts() > 0 {
			return
		}
		merged := r.Text()
		for line := range strings.Lines(ours) {
			line = strings.TrimRight(strings.TrimPrefix(line, byteOrderMark), "\r\n")
			if !strings.Contains(base, line) && !strings.Contains(merged, line) {
				t.Errorf("lost %q: base %q ours %q theirs %q merged %q", line, base, ours, theirs, merged)
			}
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	lines := make([]string, 10_000)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i)
	}
	ours, theirs := append([]string{}, lines...), append([]string{}, lines...)
	for range 1000 {
		ours[2*r.IntN(5000)] += " ours"
		theirs[2*r.IntN(5000)] += " theirs"
	}
	base, o, t := join(lines), join(ours), join(theirs)
	for b.Loop() {
		Merge(base, o, t)
	}
}
