package e2e_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// apiserverBinary is the variable that names a kube-apiserver to test against; .ci/kubernetes builds one.
const apiserverBinary = "SVC_KUBE_APISERVER"

// TestFaultsOfKubernetes is TestFaults for the golden project whose registry is Kubernetes: DNS, and an API
// server of its own for EndpointSlices.
func TestFaultsOfKubernetes(t *testing.T) {
	onlyWithAllFaults(t)
	if runtime.GOOS == "windows" {
		t.Skip("there are no such signals")
	}
	dir := t.TempDir()
	readTree(t, filepath.Join(goldens, "quay")).write(t, dir)
	readTree(t, filepath.Join(overlays, "faults-any")).below("internal/leftover").write(t, dir)
	readTree(t, filepath.Join(overlays, "faults-kubernetes")).write(t, dir)
	t.Run("dns", func(t *testing.T) {
		t.Parallel()
		testDiscovery(t, dir, "TestFaultsOfDNS")
	})
	t.Run("slices", func(t *testing.T) {
		t.Parallel()
		needsServer(t, apiserverBinary)
		testDiscovery(t, dir, "TestFaultsOfSlices")
	})
}

// testDiscovery runs tests of a project's discovery, which find an etcd in E2E_ETCD.
func testDiscovery(t *testing.T, dir, tests string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	project := inProject(dir)
	project.env = append(project.env, "E2E_ETCD="+self)
	args := append(testCommand(t, project), "-v", "-count=1", "-parallel=32", "-run", "^"+tests+"$", "./internal/platform/discovery")
	out, err := project.try(t.Context(), "go", args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out)
}
