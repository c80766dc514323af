package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/ui"
)

// report prints what a generation did, or would do.
type report struct {
	*engine.Result
	dir        string
	dry, check bool
}

func (r report) text(io *ui.IO) error {
	r.notes(io)
	var b strings.Builder
	written := 0
	for _, a := range r.Plan.Actions {
		fmt.Fprintf(&b, "%-8s %s", a.Kind, inDir(r.dir, a.Path))
		if a.Reason != "" {
			fmt.Fprintf(&b, " (%s)", a.Reason)
		}
		b.WriteByte('\n')
		if a.Writes() {
			written++
		}
	}
	b.WriteString(r.summary(written) + "\n")
	_, err := io.Out.Write([]byte(b.String()))
	return err
}

// notes are what is not a result.
func (r report) notes(io *ui.IO) {
	warn(io, r.Warnings)
	if r.Recovered {
		fmt.Fprintln(io.Err, "finished what a run that was killed had begun")
	}
	for _, path := range r.Kept {
		fmt.Fprintf(io.Err, "left alone, because it was written to since that run: %s\n", inDir(r.dir, path))
	}
}

func warn(io *ui.IO, warnings diag.Set) {
	for _, w := range withSource(warnings) {
		fmt.Fprintf(io.Err, "warning: %s\n", diag.Set{w})
	}
}

func (r report) summary(written int) string {
	held := len(r.Plan.Actions) - written
	var s string
	switch {
	case written == 0 && held == 0:
		return "up to date"
	case written == 0:
		s = "nothing to write"
	case r.dry:
		s = plural(written, "file") + " would change"
	default:
		s = plural(written, "file") + " changed"
	}
	if r.check && written > 0 {
		s += ": run svc generate"
	}
	if held > 0 {
		s += ", " + plural(held, "file") + " left as they are"
		s = strings.Replace(s, "1 file left as they are", "1 file left as it is", 1)
	}
	return s
}

func (r report) diff(io *ui.IO) error {
	r.notes(io)
	for _, a := range r.Plan.Actions {
		if !a.Writes() {
			continue
		}
		from, to := "a/"+a.Path, "b/"+a.Path
		if a.Kind == plan.Create {
			from = "/dev/null"
		}
		if a.Kind == plan.Delete {
			to = "/dev/null"
		}
		if _, err := fmt.Fprint(io.Out, udiff.Unified(from, to, string(a.Old), string(a.New))); err != nil {
			return err
		}
	}
	return nil
}

func (r report) json(w io.Writer) error {
	actions := r.Plan.Actions
	if actions == nil {
		actions = []plan.Action{}
	}
	return encodeJSON(w, map[string]any{
		"actions":   actions,
		"warnings":  append(diag.Set{}, r.Warnings...),
		"dry_run":   r.dry,
		"recovered": r.Recovered,
	})
}

// printJSONError prints findings as JSON, and passes the error on for the exit code.
func printJSONError(io *ui.IO, err error) error {
	var set diag.Set
	if !errors.As(err, &set) {
		set = diag.Set{{Message: err.Error()}}
	}
	return errors.Join(encodeJSON(io.Out, map[string]any{"errors": set}), err)
}

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
