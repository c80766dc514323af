package access_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/acme/shop/internal/platform/access"
	"github.com/acme/shop/internal/platform/testcert"
)

// server accepts callers that show a certificate of clients, and tells their names.
func server(t *testing.T, own, clients *testcert.Authority) (addr string, seen <-chan string) {
	t.Helper()
	cert, err := tls.X509KeyPair(own.Issue("server"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	cfg := &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: clients.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	}
	names := make(chan string, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			secure := tls.Server(conn, cfg)
			if err := secure.HandshakeContext(t.Context()); err != nil {
				names <- "nobody"
			} else {
				names <- secure.ConnectionState().PeerCertificates[0].Subject.CommonName
			}
			_ = conn.Close()
		}
	}()
	return listener.Addr().String(), names
}

// shake connects, and returns the error of the handshake.
func shake(t *testing.T, creds credentials.TransportCredentials, addr string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _, err = creds.ClientHandshake(ctx, addr, conn)
	return err
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFilesAreFollowed renews the certificate of the client, then the authority of the server, and then breaks the files.
func TestFilesAreFollowed(t *testing.T) {
	dir := t.TempDir()
	files := access.TLS{CA: filepath.Join(dir, "ca"), Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	first, next := testcert.NewAuthority(t), testcert.NewAuthority(t)
	renew := func(name string) {
		cert, key := first.Issue(name)
		write(t, files.Cert, cert)
		write(t, files.Key, key)
	}
	write(t, files.CA, first.PEM())
	renew("old name")
	creds, err := files.Credentials(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	creds = creds.Clone() // as gRPC does

	addr, seen := server(t, first, first)
	expect := func(want string) {
		t.Helper()
		if err := shake(t, creds, addr); err != nil {
			t.Error(err)
		}
		if got := <-seen; got != want {
			t.Errorf("the server saw %s, want %s", got, want)
		}
	}
	expect("old name")
	renew("new name")
	expect("new name")

	addr, seen = server(t, next, first)
	if err := shake(t, creds, addr); err == nil {
		t.Error("the client trusts a server of an authority that it doesn't know")
	}
	<-seen
	write(t, files.CA, next.PEM())
	expect("new name")

	write(t, files.Cert, nil)
	write(t, files.CA, []byte("half a certif"))
	expect("new name")
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	write(t, empty, nil)
	for name, files := range map[string]access.TLS{
		"no such file":   {CA: filepath.Join(dir, "none")},
		"no certificate": {CA: empty},
		"no key":         {Cert: empty},
		"no pair":        {Cert: empty, Key: empty},
	} {
		if _, err := files.Credentials(slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}

func TestSecure(t *testing.T) {
	tests := map[string]struct {
		access    access.Access
		endpoints []string
		want      bool
	}{
		"plain": {access.Access{Username: "app"}, []string{"etcd:2379", "http://etcd:2379"}, false},
		"https": {access.Access{}, []string{"https://etcd:2379"}, true},
		"files": {access.Access{TLS: access.TLS{CA: "ca.pem"}}, []string{"etcd:2379"}, true},
	}
	for name, test := range tests {
		if got := test.access.Secure(test.endpoints); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
