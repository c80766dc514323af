package e2e_test

import (
	"runtime"
	"testing"
)

// TestFaultsOfMDNS is TestFaults for the golden project whose registry is the local network: the loopback interface of
// this machine, which has to carry multicast.
func TestFaultsOfMDNS(t *testing.T) {
	onlyWithAllFaults(t)
	if runtime.GOOS == "windows" {
		t.Skip("there are no such signals")
	}
	t.Parallel()
	project := inProject(copyForFaults(t, "jetty", "example.com/jetty", "faults-mdns"))
	project.env = append(project.env, "E2E_JETTY="+executable(t, buildApps(t, project.dir), "jetty"))
	project.testFaults(t)
}
