package consul_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/harbour/internal/platform/consul"
	"example.com/harbour/internal/platform/testcert"
)

// agent is a Consul that asks for a certificate, and says whose it has seen.
type agent struct {
	*httptest.Server
	next atomic.Pointer[tls.Config] // of new connections
}

func startAgent(t *testing.T) *agent {
	t.Helper()
	a := &agent{}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`"` + r.TLS.PeerCertificates[0].Subject.CommonName + `"`))
	}))
	a.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	a.TLS = &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return a.next.Load(), nil }, MinVersion: tls.VersionTLS12,
	}
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

// is gives the agent a certificate of an authority, whose clients it lets in, and hangs up on everybody.
func (a *agent) is(t *testing.T, by *testcert.Authority) {
	t.Helper()
	cert, err := tls.X509KeyPair(by.Issue("agent"))
	if err != nil {
		t.Fatal(err)
	}
	a.next.Store(&tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: by.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12,
	})
	a.CloseClientConnections()
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCertificatesAreFollowed renews the certificate of the client, then those of everybody, and then breaks the files.
func TestCertificatesAreFollowed(t *testing.T) {
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	t.Setenv("CONSUL_CACERT", ca)
	t.Setenv("CONSUL_CLIENT_CERT", cert)
	t.Setenv("CONSUL_CLIENT_KEY", key)
	issue := func(by *testcert.Authority, name string) {
		write(t, ca, by.PEM())
		own, secret := by.Issue(name)
		write(t, cert, own)
		write(t, key, secret)
	}
	first, next := testcert.NewAuthority(t), testcert.NewAuthority(t)
	a := startAgent(t)
	a.is(t, first)
	issue(first, "old name")
	var log bytes.Buffer
	client, err := consul.NewClient(a.URL, "", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	expect := func(want string) {
		t.Helper()
		if got, err := client.Status().Leader(); err != nil || got != want {
			t.Errorf("the agent saw %q, want %q: %v", got, want, err)
		}
	}
	expect("old name")
	issue(first, "new name")
	a.is(t, first)
	expect("new name")

	a.is(t, next)
	if _, err := client.Status().Leader(); err == nil {
		t.Error("the client trusts an agent of an authority that it doesn't know")
	}
	issue(next, "newer name")
	expect("newer name")
	if log.Len() > 0 {
		t.Errorf("it logs %s", &log)
	}

	write(t, ca, []byte("half a certif"))
	a.is(t, next)
	expect("newer name")
	if !strings.Contains(log.String(), "can't be read again") {
		t.Errorf("it logs %s", &log)
	}
	if _, err := consul.NewClient(a.URL, "", slog.Default()); err == nil {
		t.Error("it starts with files that can't be used")
	}
}
