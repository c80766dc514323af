package e2e_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// TestGrace checks that an app that has the files of its project has time to finish a call of 20 s that is in flight when
// it is asked to end, and yet ends within the 30 s that Kubernetes and Compose grant. A chart grants what it needs.
func TestGrace(t *testing.T) {
	t.Parallel()
	const call, other, grace = 20 * time.Second, 6 * time.Second, 30 * time.Second
	for name := range goldenProjects {
		tree := readTree(t, filepath.Join(goldens, name))
		var cfg struct {
			Shutdown struct{ Drain, Timeout time.Duration }
		}
		for _, file := range []string{"config/config.yaml", "config/config.production.yaml"} { // one on top of the other
			if err := yaml.Unmarshal([]byte(tree[file]), &cfg); err != nil {
				t.Fatal(err)
			}
			if most := cfg.Shutdown.Drain + cfg.Shutdown.Timeout; most < call || most+other > grace {
				t.Errorf("%s: with %s calls have %v, want %v to %v", name, file, most, call, grace-other)
			}
		}
		for file, content := range tree.below("deploy/helm") {
			var values struct {
				Shutdown struct {
					Timeout int `yaml:"timeoutSeconds"`
				}
			}
			if filepath.Base(file) != "values.yaml" {
				continue
			}
			if err := yaml.Unmarshal([]byte(content), &values); err != nil {
				t.Fatal(err)
			}
			if got := time.Duration(values.Shutdown.Timeout) * time.Second; got < call {
				t.Errorf("%s: with %s calls have %v, want %v", name, file, got, call)
			}
		}
	}
}
