package engine

import (
	"encoding/json"
	"path"
	"path/filepath"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/plan"
)

// untold keeps what a run has to tell, until all is in place: when it is killed the next one finishes it, and says so.
const untold = "untold.json"

// write makes the changes of a result.
func write(p *apply.Project, r *Result) error {
	content, err := notes(r.Plan)
	if err != nil {
		return err
	}
	if err := p.Remember(untold, content); err != nil {
		return err
	}
	if err := p.Apply(r.Changes); err != nil {
		return err
	}
	return p.Remember(untold, nil)
}

// notes are the actions that have something to tell, as JSON; nil when there are none.
func notes(p *plan.Plan) ([]byte, error) {
	var tell []plan.Action
	for _, a := range p.Actions {
		if len(a.Notes) > 0 {
			tell = append(tell, a)
		}
	}
	if tell == nil {
		return nil, nil
	}
	return json.Marshal(tell)
}

// opened says what became of a killed run, that opening the project has finished.
func (r *Result) opened(p *apply.Project, dir string) {
	r.Recovered, r.Kept = p.Recovered, p.Kept
	if !r.Recovered {
		return
	}
	content, err := readRegular(filepath.Join(dir, filepath.FromSlash(path.Join(apply.CacheDir, untold))))
	if err == nil {
		_ = json.Unmarshal(content, &r.Finished) // it is no more than words
	}
	_ = p.Remember(untold, nil) // so is it when it is said twice
}
