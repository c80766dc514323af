package cli

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/svcgen/svc/internal/ui"
)

// A run that an interrupt doesn't end, such as one that reads from a network folder that is away, is left behind.
func TestPatience(t *testing.T) {
	const own = 7
	for name, tc := range map[string]struct {
		interrupted bool
		cleanUp     time.Duration
		want        int
	}{
		"no interrupt":             {false, time.Hour, own},
		"time to clean up":         {true, patience - 1, own},
		"it does not end":          {true, time.Hour, exitInterrupted},
		"it ends at the interrupt": {true, 0, own},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				if tc.interrupted {
					time.AfterFunc(time.Minute, interrupt)
				}
				var stderr bytes.Buffer
				ended := make(chan struct{})
				code := patiently(ctx, &ui.IO{Err: &stderr}, func() int {
					defer close(ended)
					time.Sleep(time.Minute + tc.cleanUp) // of the bubble
					return own
				})
				if code != tc.want || (stderr.Len() > 0) != (code == exitInterrupted) {
					t.Errorf("exit code %d, want %d, stderr %q", code, tc.want, &stderr)
				}
				<-ended
			})
		})
	}
}
