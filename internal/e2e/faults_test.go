package e2e_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcdConfig is the variable that makes this test binary an etcd, with the file that it names for a configuration.
const etcdConfig = "E2E_ETCD_CONFIG"

// runEtcd is an etcd as a process of its own, which a test can kill or freeze. It ends with standard input, so that it
// never outlives the test.
func runEtcd(file string) int {
	cfg, err := embed.ConfigFromFile(file)
	if err == nil {
		_, err = embed.StartEtcd(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// allFaults is the variable that has all faults done. Without it, go test ./... does those of etcd. .ci/run does the rest
// after it.
const allFaults = "SVC_FAULTS"

func onlyWithAllFaults(t *testing.T) {
	t.Helper()
	if os.Getenv(allFaults) == "" {
		t.Skip("takes minutes: set " + allFaults + " to have it done")
	}
}

// needsServer fails the test where a variable names no server to test against. Such servers take minutes to build, and so
// are no part of Go's own tests; who asks for all faults has them.
func needsServer(t *testing.T, variable string) {
	t.Helper()
	if _, err := os.Stat(os.Getenv(variable)); err != nil {
		t.Fatalf("%s names no server: %v", variable, err)
	}
}

// TestFaults is about time, and so has the machine to itself before other tests do: most of it is waiting.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two minutes")
	}
	if runtime.GOOS == "windows" {
		t.Skip("there are no such signals")
	}
	project, bin := withEtcd(t), buildShop(t)
	t.Run("load", func(t *testing.T) { testLoad(t, bin) })
	t.Run("paced", func(t *testing.T) { testPaced(t, bin) })
	together(t, map[string]func(*testing.T){
		"parts":     func(t *testing.T) { testParts(t, project) },
		"members":   func(t *testing.T) { testMembers(t, project) },
		"clocks":    func(t *testing.T) { testClocks(t, project) },
		"processes": func(t *testing.T) { testProcesses(t, bin) },
		"quorum":    func(t *testing.T) { testQuorum(t, bin) },
	})
}

// together runs tests that wait most of the time, all at once: t.Parallel runs no more than there are processors.
func together(t *testing.T, tests map[string]func(*testing.T)) {
	t.Helper()
	var all sync.WaitGroup
	for name, test := range tests {
		all.Go(func() { t.Run(name, test) })
	}
	all.Wait()
}

// testParts runs the tests of testdata/e2e/faults-etcd inside the golden shop: they use its registry, discovery and client
// against real etcds, which are other processes of this binary.
func testParts(t *testing.T, project command) {
	project.run(t, "go", "vet", "-tags=speed", "./internal/faults") // what bench/registry runs
	project.testFaults(t)
}

// testMembers does to an etcd of three members what testParts does to one of a single member, where the fault is one of
// etcd as a whole. Apps know one of the three.
func testMembers(t *testing.T, project command) {
	project.env = append(slices.Clone(project.env), "E2E_ETCD_MEMBERS=3")
	project.testFaults(t, "-run=^Test(Emptied|Outage|Compaction|HarmedByHand|Stop)$")
}

// withEtcd returns a golden shop with tests that start etcds.
func withEtcd(t *testing.T) command {
	t.Helper()
	project := inProject(copyForFaults(t, "shop", "github.com/acme/shop", "faults-etcd"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	project.env = append(project.env, "E2E_ETCD="+self)
	return project
}

// copyForFaults returns a copy of a golden project, with tests in internal/faults: those of an overlay, and what tests of
// all registries have in common.
func copyForFaults(t *testing.T, golden, module, overlay string) string {
	t.Helper()
	dir := t.TempDir()
	readTree(t, filepath.Join(goldens, golden)).write(t, dir)
	readTree(t, filepath.Join(overlays, "faults-any")).replace("example.com/project", module).write(t, dir)
	readTree(t, filepath.Join(overlays, overlay)).write(t, dir)
	return dir
}

// testFaults runs internal/faults, and logs what it says about time.
func (c command) testFaults(t *testing.T, flags ...string) {
	t.Helper()
	args := slices.Concat(testCommand(t, c), []string{"-v", "-count=1", "-parallel=16"}, flags, []string{"./internal/faults"})
	out, err := c.try(t.Context(), "go", args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out)
}
