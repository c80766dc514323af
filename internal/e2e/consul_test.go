package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// consulBinary is the variable that names a consul to test against; .ci/consul builds one.
const consulBinary = "SVC_CONSUL"

// TestFaultsOfConsul is TestFaults for the golden project whose registry is Consul.
func TestFaultsOfConsul(t *testing.T) {
	onlyWithAllFaults(t)
	needsServer(t, consulBinary)
	project := inProject(copyForFaults(t, "harbour", "example.com/harbour", "faults-consul"))
	writeCaller(t, project.dir, "example.com/harbour")
	t.Run("parts", func(t *testing.T) {
		t.Parallel()
		project.testFaults(t)
	})
	t.Run("clocks", func(t *testing.T) {
		t.Parallel()
		testClocks(t, project)
	})
	t.Run("process", func(t *testing.T) {
		t.Parallel()
		bin := buildApps(t, project.dir)
		for _, check := range []string{"grpc", "ttl"} {
			t.Run(check, func(t *testing.T) {
				t.Parallel()
				testFrozenByConsul(t, bin, check)
			})
			t.Run("restarts/"+check, func(t *testing.T) {
				t.Parallel()
				testRestartsWithConsul(t, bin, check)
			})
		}
	})
}

// startConsul starts an agent that ends with the test, and returns its address.
func startConsul(t *testing.T) string {
	t.Helper()
	addr := freeAddr(t)
	ports := fmt.Sprintf("ports { http = %s, server = %s, serf_lan = %s, serf_wan = -1, dns = -1, grpc = -1 }",
		port(t, addr), port(t, freeAddr(t)), port(t, freeAddr(t)))
	// It ends with standard input, so that it never outlives the test.
	cmd := exec.Command("sh", "-c", `"$@" & read -r end; kill -9 $!`, "sh",
		os.Getenv(consulBinary), "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1", "-log-level=error", "-hcl="+ports)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	return addr
}

func port(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// greeter is the service of the golden.
const greeter = "harbour.v1.Greeter"

// consulEntry is as much of an entry of Consul's health endpoint as matters here.
type consulEntry struct {
	Service struct {
		Tags []string
		Meta map[string]string
	}
}

// passingIn returns the entries of the golden's service that Consul tells others of, or nil when it says nothing.
func passingIn(t *testing.T, addr string) []consulEntry { return entriesIn(t, addr, "?passing") }

// entriesIn returns entries of the golden's service, or nil when Consul says nothing.
func entriesIn(t *testing.T, addr, query string) []consulEntry {
	t.Helper()
	response, err := http.Get("http://" + addr + "/v1/health/service/" + greeter + query)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil
	}
	entries := []consulEntry{}
	if err := json.Unmarshal(body, &entries); err != nil {
		t.Fatal(err)
	}
	return entries
}

// startHarbour starts the golden's app, registered at an agent.
func startHarbour(t *testing.T, bin, consul, check string, args ...string) *process {
	t.Helper()
	env := append(countable("HARBOUR"), "HARBOUR_REGISTRY_ENDPOINTS="+consul, "HARBOUR_REGISTRY_TTL="+faultTTL.String(),
		"HARBOUR_REGISTRY_CHECK="+check)
	return start(t, bin, "harbour", env, args...)
}

// settledByConsul is what an app has open that has done all that it does from time to time, with room for a connection,
// which is a file, and two goroutines of net/http: it has a second one to the agent if two of its requests meet.
func settledByConsul(t *testing.T, p *process) usage {
	t.Helper()
	<-time.After(faultTTL)
	open := p.usage(t)
	return usage{open.goroutines + 2, open.files + 1}
}

// testFrozenByConsul is the life of an app: it is listed, stopped for three times its TTL and goes on (scenario 12), and
// ends. There is another instance: no call to that one fails, nor one that comes when the first is off the list.
func testFrozenByConsul(t *testing.T, bin, check string) {
	addr := startConsul(t)
	twin := startHarbour(t, bin, addr, check)
	soon(t, 10*time.Second, "listed", func() bool { return len(passingIn(t, addr)) == 1 })
	p := startHarbour(t, bin, addr, check)
	soon(t, 10*time.Second, "both listed", func() bool { return len(passingIn(t, addr)) == 2 })
	frozenAddr, _ := p.serving(t)
	twinAddr, _ := twin.serving(t)
	calls := startCaller(t, bin, addr, "default", greeter, frozenAddr, twinAddr)
	open := settledByConsul(t, p)
	entry := passingIn(t, addr)[0].Service
	if len(entry.Tags) != 1 || entry.Tags[0] != "default" || entry.Meta["app"] != "harbour" || entry.Meta["instance"] == "" {
		t.Errorf("got %+v", entry)
	}
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	frozen := time.Now()
	soon(t, 2*faultTTL+2*time.Second, "not passing", func() bool { return len(passingIn(t, addr)) == 1 })
	known := time.Now().Add(2 * time.Second) // to all clients
	<-time.After(2 * faultTTL)               // a time that is the fault itself
	answered := calls.called(frozenAddr)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	soon(t, 5*time.Second, "passing", func() bool { return len(passingIn(t, addr)) == 2 })
	_, admin := p.serving(t)
	soon(t, faultTTL+time.Second, "metric", func() bool { _, metrics := get(t, admin, "/metrics"); return hasRegistered(metrics, 1) })
	calls.awaitAgain(t, frozenAddr, answered)
	p.expectNoMore(t, open)
	calls.expectNoFailure(t, func(call lost) bool {
		return call.addr == frozenAddr && call.ended.After(frozen) && call.began.Before(known)
	})
	begin := time.Now()
	if code := p.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("ended after %v", took)
	}
	if left := passingIn(t, addr); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

// testRestartsWithConsul has a service be stopped, or crash, and start again, in a loop. Others find it once, and its past
// leaves nothing in Consul: an entry that a crash has left is taken over. There is another instance, and no call fails but
// those that are under way to one that crashes.
func testRestartsWithConsul(t *testing.T, bin, check string) {
	consul, addr := startConsul(t), freeAddr(t)
	twin := startHarbour(t, bin, consul, check)
	soon(t, 10*time.Second, "listed", func() bool { return len(passingIn(t, consul)) == 1 })
	twinAddr, _ := twin.serving(t)
	calls := startCaller(t, bin, consul, "default", greeter, twinAddr)
	open := settledByConsul(t, twin)
	var crashes []time.Time
	for round := range 12 {
		before := calls.called(addr)
		p := startHarbour(t, bin, consul, check, "--set", "server.grpc.addr="+addr)
		p.log.await(t, line{"msg": "registered"})
		soon(t, 5*time.Second, "listed", func() bool { return len(passingIn(t, consul)) == 2 })
		if round%3 > 0 { // else it may end before it is connected to
			calls.awaitAgain(t, addr, before)
		}
		end, left := syscall.SIGTERM, 0
		if round%2 == 1 {
			end, left = syscall.SIGKILL, 1
		}
		asked := time.Now()
		if err := p.cmd.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		<-p.done
		if end == syscall.SIGKILL {
			crashes = append(crashes, asked)
		}
		if all := len(entriesIn(t, consul, "")) - 1; all != left { // the other's apart
			t.Errorf("%d entries after %v, want %d", all, end, left)
		}
	}
	twin.expectNoMore(t, open)
	calls.expectNoFailure(t, func(call lost) bool { return call.addr == addr && call.during(crashes) })
}
