package cli

import (
	"strings"
	"testing"

	"github.com/svcgen/svc/internal/manifest"
)

func TestQuoted(t *testing.T) {
	for path, want := range map[string]string{
		"shop": "shop", "a/b-c_d.e": "a/b-c_d.e", "": "''", "my shop": "'my shop'", "it's": `'it'\''s'`,
		"$HOME": "'$HOME'", "größe": "'größe'", "a;b": "'a;b'", "*": "'*'",
	} {
		if got := quoted(path); got != want {
			t.Errorf("quoted(%q) is %s, want %s", path, got, want)
		}
	}
}

func TestContractPlace(t *testing.T) {
	for want, p := range map[string]manifest.Proto{
		"api/":           {Roots: []string{"api"}},
		"api/, ../more/": {Roots: []string{"api", "../more"}},
		"api/x.binpb":    {DescriptorSet: "api/x.binpb"},
	} {
		if got := contractPlace(p); got != want {
			t.Errorf("contractPlace(%+v) is %q, want %q", p, got, want)
		}
	}
}

func TestGoOutputComesInAnyPieces(t *testing.T) {
	const said = "go: downloading a v1\ngo: a: not found\ngo: downloading b v2\nlast"
	for size := 1; size <= len(said); size++ {
		var progress []string
		g := &goOutput{progress: func(step string) { progress = append(progress, step) }}
		for rest := said; rest != ""; {
			n := min(size, len(rest))
			if wrote, err := g.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatalf("Write returns %d, %v, want %d", wrote, err, n)
			}
			rest = rest[n:]
		}
		if got := strings.Join(progress, "; "); got != "downloading a v1; downloading b v2" {
			t.Errorf("pieces of %d: progress is %q", size, got)
		}
		if got := g.rest.String() + string(g.line); got != "go: a: not found\nlast" {
			t.Errorf("pieces of %d: the rest is %q", size, got)
		}
	}
}
