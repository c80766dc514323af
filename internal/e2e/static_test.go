package e2e_test

import (
	"path/filepath"
	"testing"
	"time"
)

// TestStatic runs apps whose registry is their configuration: instances that it names are called, one that crashes isn't
// missed, and it is called when it is there again.
func TestStatic(t *testing.T) {
	t.Parallel()
	const service = "depot.v1.Routes"
	dir := t.TempDir()
	readTree(t, filepath.Join(goldens, "depot")).write(t, dir)
	writeCaller(t, dir, "example.com/depot")
	bin := buildApps(t, dir)
	one, other := start(t, bin, "routes", loopback("ROUTES")), start(t, bin, "routes", loopback("ROUTES"))
	addr, _ := one.serving(t)
	otherAddr, _ := other.serving(t)
	named := service + "=" + addr + "," + service + "=" + otherAddr + "?zone=b&weight=3"
	client := start(t, bin, "parcels", loopback("PARCELS"), "--set", "registry.endpoints="+named)
	client.serving(t)
	calls := startCaller(t, bin, named, "default", service, addr, otherAddr)
	crashed := time.Now()
	if err := one.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-one.done
	before := calls.called(addr)
	start(t, bin, "routes", loopback("ROUTES"), "--set", "server.grpc.addr="+addr)
	calls.awaitAgain(t, addr, before)
	calls.expectNoFailure(t, func(call lost) bool { return call.addr == addr && call.during([]time.Time{crashed}) })
	for _, p := range []*process{client, other} {
		if code := p.terminate(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// TestOutlier has the golden project with outlier detection leave a sick instance out, with the defaults.
func TestOutlier(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	readTree(t, filepath.Join(goldens, "depot")).write(t, dir)
	readTree(t, filepath.Join(overlays, "outlier")).write(t, dir)
	inProject(dir).run(t, "go", "test", "-count=1", "-v", "./internal/outlier")
}
