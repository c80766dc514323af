package cli

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestUnified holds the lines that a hunk shows against those that are at the place that it names.
func TestUnified(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var before, after []string
		for i := range 10 + random.IntN(80) {
			line := fmt.Sprintf("line %d\n", i)
			if random.IntN(8) > 0 {
				before = append(before, line)
			}
			if random.IntN(8) > 0 {
				after = append(after, line)
			}
			if random.IntN(10) == 0 {
				after = append(after, fmt.Sprintf("@@ -1 +1 @@ %d\n", i))
			}
		}
		diff := unified("a", "b", strings.Join(before, ""), strings.Join(after, ""))
		for hunk := range strings.SplitSeq(diff, "\n@@ -") {
			var at, n, to, m int
			if _, err := fmt.Sscanf(hunk, "%d,%d +%d,%d @@", &at, &n, &to, &m); err != nil {
				continue // the head, or a hunk with a line
			}
			_, body, _ := strings.Cut(hunk, "\n")
			expectAt(t, before, at, n, body, "-")
			expectAt(t, after, to, m, body, "+")
		}
	}
}

func expectAt(t *testing.T, text []string, at, n int, hunk, sign string) {
	t.Helper()
	var shown []string
	for line := range strings.Lines(hunk + "\n") {
		if line, ok := strings.CutPrefix(line, sign); ok {
			shown = append(shown, line)
		} else if line, ok := strings.CutPrefix(line, " "); ok {
			shown = append(shown, line)
		}
	}
	if at == 0 {
		at = 1
	}
	if got, want := strings.Join(shown, ""), strings.Join(text[at-1:at-1+n], ""); got != want {
		t.Fatalf("at %d is\n%s\nand the hunk shows\n%s", at, want, got)
	}
}

func TestUnifiedEnds(t *testing.T) {
	for diff, texts := range map[string][2]string{
		"--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n":                                 {"", "x\n"},
		"--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n":                                 {"x\n", ""},
		"--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n": {"x", "x\n"},
	} {
		if got := unified("a", "b", texts[0], texts[1]); got != diff {
			t.Errorf("got %q, want %q", got, diff)
		}
	}
}
