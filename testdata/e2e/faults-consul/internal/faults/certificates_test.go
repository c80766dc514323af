package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/harbour/internal/platform/registry"
	"example.com/harbour/internal/platform/testcert"
)

// TestCertificates replaces the certificates of everybody, and their authority, while an app is registered: the files are
// new, and the agent is started again. It is not parallel, because the files are named by variables.
func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	t.Setenv("CONSUL_CACERT", file("ca"))
	t.Setenv("CONSUL_CLIENT_CERT", file("cert"))
	t.Setenv("CONSUL_CLIENT_KEY", file("key"))
	issue := func(by *testcert.Authority) {
		cert, key := by.Issue("app")
		for name, content := range map[string][]byte{"ca": by.PEM(), "cert": cert, "key": key} {
			if err := os.WriteFile(file(name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	issue(testcert.NewAuthority(t))
	a := startConsulWith(t, fmt.Sprintf("tls { https { ca_file = %q, cert_file = %q, key_file = %q, verify_incoming = true } }",
		file("ca"), file("cert"), file("key")), "")
	secured := "https://" + a.https
	i := register(t, registry.CheckTTL, secured)
	a.awaitListed(t, 10*time.Second, i)
	calls := startCaller(t, at(secured))

	a.kill()
	issue(testcert.NewAuthority(t))
	a.start()
	a.awaitListed(t, ttl+5*time.Second, i)
	a.awaitEntries(t, time.Second, 1)
	later := register(t, registry.CheckTTL, secured)
	calls.awaitAnswer(10*time.Second, later.addr)
	calls.expectNoFailure()
}
