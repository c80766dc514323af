package health

import "example.com/quay/internal/platform/config"

// State is what is thought of something that is checked.
type State int

// A thing that fails once is suspect, and nothing else follows from it. One that goes on failing is unhealthy, and the
// app says that it should not be called. It is healthy again when it has been all right a few times in a row: something
// that comes and goes is not.
const (
	Healthy State = iota
	Suspect
	Unhealthy
)

func (s State) String() string { return [...]string{"healthy", "suspect", "unhealthy"}[s] }

// track is what checks have said lately.
type track struct {
	state     State
	failures  int // in a row
	successes int // in a row
}

// newTrack is of something that has not been checked. It is taken for unhealthy, until the first success.
func newTrack(cfg config.Health) track { return track{state: Unhealthy, successes: cfg.Successes - 1} }

// add takes the next check into account.
func (t *track) add(ok bool, cfg config.Health) {
	if ok {
		t.failures, t.successes = 0, t.successes+1
	} else {
		t.failures, t.successes = t.failures+1, 0
	}
	switch {
	case t.failures >= cfg.Failures:
		t.state = Unhealthy
	case t.successes >= cfg.Successes:
		t.state = Healthy
	case !ok && t.state == Healthy:
		t.state = Suspect
	}
}
