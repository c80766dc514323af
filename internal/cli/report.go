package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

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
		r.action(&b, a)
		if a.Writes() {
			written++
		}
	}
	if r.check && r.Record() {
		fmt.Fprintf(&b, "%-10s %s (svc's record of what it emitted)\n", plan.Stale, inDir(r.dir, ".svc"))
	}
	b.WriteString(r.summary(written) + "\n")
	_, err := io.Out.Write([]byte(b.String()))
	return err
}

// action is a line for the file, and one for each thing to know of it.
func (r report) action(b *strings.Builder, a plan.Action) {
	file := inDir(r.dir, a.Path)
	if r.check {
		fmt.Fprintf(b, "%-10s %s", cmp.Or(string(a.State()), string(a.Kind)), file)
	} else {
		fmt.Fprintf(b, "%-8s %s", a.Kind, file)
	}
	if a.Reason != "" {
		fmt.Fprintf(b, " (%s)", a.Reason)
	}
	b.WriteByte('\n')
	b.WriteString(notesOf(file, a))
	switch {
	case a.Kind == plan.Conflict && a.To != "":
		to := inDir(r.dir, a.To)
		fmt.Fprintf(b, "  to end it: make room at %s, or bring it there yourself and run svc resolve %s --merged\n", to, to)
	case a.Kind == plan.Conflict:
		fmt.Fprintf(b, "  to end it: svc resolve %s --ours, --theirs or, when you have edited it, --merged\n", file)
	case a.Kind == plan.Orphan && len(a.Notes) > 0:
		fmt.Fprintf(b, "  to end it: take that out of it, or keep it as yours: svc resolve %s --ours\n", file)
	case a.Kind == plan.Orphan:
		fmt.Fprintf(b, "  to end it: delete it, or keep it as yours: svc resolve %s --ours\n", file)
	}
	if aside := engine.Aside(a); !r.dry && len(aside) > 0 {
		fmt.Fprintf(b, "  kept: %s\n", strings.Join(inDirs(r.dir, aside), ", "))
	}
}

// notesOf is a line for each thing to know of a file.
func notesOf(file string, a plan.Action) string {
	var b strings.Builder
	for _, n := range a.Notes {
		fmt.Fprintf(&b, "  %s: %s\n", n.At(file), n.Text)
	}
	return b.String()
}

func inDirs(dir string, files []string) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = inDir(dir, f)
	}
	return out
}

// notes are what is not a result.
func (r report) notes(io *ui.IO) {
	warn(io, r.Warnings)
	if r.Recovered {
		fmt.Fprintln(io.Err, "finished what a run that was killed had begun")
	}
	for _, a := range r.Finished {
		fmt.Fprintf(io.Err, "%s %s\n%s", a.Kind, inDir(r.dir, a.Path), notesOf(inDir(r.dir, a.Path), a))
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
	case written == 0 && held == 0 && r.check && r.Record():
		return "svc's record is out of date: run svc generate"
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
	for _, c := range r.Changes {
		from, to := "a/"+c.Path, "b/"+c.Path
		if c.Expect == nil {
			from = "/dev/null"
		}
		if c.Content == nil {
			to = "/dev/null"
		}
		if _, err := fmt.Fprint(io.Out, unified(from, to, string(c.Expect), string(c.Content))); err != nil {
			return err
		}
	}
	return nil
}

func (r report) json(w io.Writer) error {
	return encodeJSON(w, map[string]any{
		"actions":   r.jsonActions(),
		"warnings":  append(diag.Set{}, r.Warnings...),
		"dry_run":   r.dry,
		"record":    r.Record(),
		"recovered": r.Recovered,
		"kept":      append([]string{}, r.Kept...),
		"finished":  append([]plan.Action{}, r.Finished...),
	})
}

type jsonAction struct {
	plan.Action
	State plan.State `json:"state,omitempty"` // before the run
	Aside []string   `json:"aside,omitempty"` // what is kept of it under .svc
}

func (r report) jsonActions() []jsonAction {
	list := make([]jsonAction, len(r.Plan.Actions))
	for i, a := range r.Plan.Actions {
		list[i] = jsonAction{a, a.State(), engine.Aside(a)}
	}
	return list
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
