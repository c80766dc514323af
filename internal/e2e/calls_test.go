package e2e_test

import (
	"path/filepath"
	"testing"
)

// TestCallsBenchmark keeps the benchmarks of testdata/e2e/calls, which bench/calls runs, going. What it measures is not for
// a machine that runs tests.
func TestCallsBenchmark(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a project")
	}
	dir := t.TempDir()
	readTree(t, filepath.Join(goldens, "shop")).write(t, dir)
	readTree(t, filepath.Join(overlays, "calls")).write(t, dir)
	inProject(dir).run(t, "go", "test", "./internal/calls/...", "./internal/platform/balancing", "-run", "Pick|Subset", "-bench", "Calls/floor=usual/callers=32|Pick", "-benchtime", "1x")
}
