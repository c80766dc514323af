package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testClocks runs a project's TestClockJumps. The clock of this machine is everybody's, and libfaketime does not reach
// programs in Go, which ask the kernel themselves. So the test has a standard library of its own, whose clock shows
// something else, while all that measures time goes on as it did: that is what setting a clock does.
func testClocks(t *testing.T, project command) {
	t.Helper()
	out, err := project.try(t.Context(), "go", "test", "-v", "-count=1", "-overlay", jumpingClock(t, project), "-tags=jump", "-run=TestClockJumps", "./internal/faults")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out)
	if !strings.Contains(out, "--- PASS: TestClockJumps") {
		t.Error("it was not tested")
	}
}

const jump = `package time

import "sync/atomic"

var jumped atomic.Int64 // seconds

// Jump sets the clock forward, or back.
func Jump(d Duration) { jumped.Add(int64(d / Second)) }
`

// jumpingClock returns an overlay for the go command, with a package time that has Jump.
func jumpingClock(t *testing.T, project command) string {
	t.Helper()
	std := filepath.Join(strings.TrimSpace(project.run(t, "go", "env", "GOROOT")), "src", "time")
	source, err := os.ReadFile(filepath.Join(std, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const asked = "\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), asked) != 1 {
		t.Fatalf("time.Now of this Go is another than the one that this test knows")
	}
	dir := t.TempDir()
	files{"time.go": strings.Replace(string(source), asked, asked+"\tsec += jumped.Load()\n", 1), "jump.go": jump}.write(t, dir)
	replace := map[string]string{}
	for _, name := range []string{"time.go", "jump.go"} {
		replace[filepath.Join(std, name)] = filepath.Join(dir, name)
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	files{"overlay.json": string(content)}.write(t, dir)
	return filepath.Join(dir, "overlay.json")
}
