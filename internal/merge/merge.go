// Package merge brings one file that its owner has edited from what svc emitted last to what it emits now, by the rules of
// its kind. It is pure.
package merge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/svcgen/svc/internal/gomod"
	"github.com/svcgen/svc/internal/merge3"
	"github.com/svcgen/svc/internal/plan"
)

// File merges a file of class merge.
func File(name string, base, disk, next []byte) plan.Merged {
	if Marked(disk) {
		return plan.Merged{Open: true, Conflict: "it has conflict markers: edit them away, then run svc resolve " + name + " --merged"}
	}
	switch path.Base(name) {
	case "go.mod":
		return module(base, disk, next)
	case "go.sum":
		return plan.Merged{Content: gomod.MergeSum(disk, next)}
	}
	return lines(name, base, disk, next)
}

// module merges by requirement. A go.mod that does not parse is one that its owner is at work on.
func module(base, disk, next []byte) plan.Merged {
	content, err := gomod.Merge(base, disk, next)
	if err != nil {
		return plan.Merged{Broken: "it can't be merged as it is: " + err.Error()}
	}
	return plan.Merged{Content: content}
}

// lines merges by line, and takes a result that can't be read any more for a conflict.
func lines(name string, base, disk, next []byte) plan.Merged {
	r := merge3.Merge(string(base), string(disk), string(next))
	m := plan.Merged{Content: []byte(r.Text()), Marked: []byte(r.Marked("yours", "svc's last", "svc's"))}
	if n := r.Conflicts(); n > 0 {
		m.Conflict = "you and svc changed the same lines"
		for _, line := range r.Lines() {
			m.Places = append(m.Places, plan.Note{Line: line, Text: "svc changes it, too"})
		}
		return m
	}
	if err := Check(name, m.Content); err != nil && Check(name, disk) == nil && Check(name, next) == nil {
		m.Conflict = "yours and svc's together can't be read: " + err.Error()
		m.Marked = nil
	}
	return m
}

// Check reads a file as those who use it will: Go must parse and declare
// nothing twice, YAML must load. A chart's templates are no YAML yet.
func Check(name string, content []byte) error {
	switch ext := path.Ext(name); {
	case ext == ".go":
		return readsGo(content)
	case (ext == ".yaml" || ext == ".yml") && !isTemplate(name):
		return loads(content)
	}
	return nil
}

func isTemplate(name string) bool {
	return strings.HasPrefix(name, "deploy/helm/") && path.Base(path.Dir(name)) == "templates"
}

func loads(content []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			line, _, _ := strings.Cut(err.Error(), "\n")
			return fmt.Errorf("%s", line)
		}
	}
}

// Marked reports whether a text has a marker of a merge that is not finished. The one in the middle is a heading in Markdown.
func Marked(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	for _, marker := range []string{"<<<<<<< ", "||||||| ", ">>>>>>> "} {
		if bytes.HasPrefix(text, []byte(marker)) || bytes.Contains(text, []byte("\n"+marker)) {
			return true
		}
	}
	return false
}
