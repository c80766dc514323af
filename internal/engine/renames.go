package engine

import (
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/rename"
)

// moves is svc.yaml's moved, old to new.
func moves(m *manifest.Manifest) map[string]string {
	moved := map[string]string{}
	for _, move := range m.Moved {
		moved[move.Old] = move.New
	}
	return moved
}

// doubts asks the owner about what may have been renamed, and points at the lines of moved that nothing stands behind.
func doubts(found rename.Found, m *manifest.Manifest) diag.Set {
	var set diag.Set
	for _, d := range found.Doubts {
		pos := diag.Pos{File: manifest.FileName}
		set.At(pos, "if so, say it: moved: {"+d.Gone+": "+d.Candidates[0]+"}", "%s is gone; is it what is called %s now?", d.Gone, strings.Join(d.Candidates, " or "))
	}
	for _, u := range found.Unknown {
		pos := diag.Pos{File: manifest.FileName}
		if i := slices.IndexFunc(m.Moved, func(move manifest.Move) bool { return move.Old == u.Old }); i >= 0 {
			pos = m.Moved[i].Pos
		}
		set.At(pos, "mend the line, or take it out", "moved: %s", u.Reason)
	}
	return set
}
