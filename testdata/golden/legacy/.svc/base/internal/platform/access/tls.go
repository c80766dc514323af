package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc/credentials"
)

// TLS names the PEM files of a client.
type TLS struct {
	CA   string // certificates that servers are checked against; empty: those of the system
	Cert string // what the client shows of itself, followed by what it is signed with; empty: nothing
	Key  string // of Cert
}

var errHalf = errors.New("a certificate and its key come together: one of them is not set")

// Credentials returns credentials that read the files again for each new connection. Files that can't be used then, as when
// they are just being replaced, are reported to log, and those used last are used again. It fails on files that can't
// be used now.
func (f TLS) Credentials(log *slog.Logger) (credentials.TransportCredentials, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	return &following{TransportCredentials: credentials.NewTLS(cfg), files: f, last: &last{cfg: cfg}, log: log}, nil
}

// load reads the files.
func (f TLS) load() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if (f.Cert == "") != (f.Key == "") {
		return nil, fmt.Errorf("tls: %w", errHalf)
	}
	if f.Cert != "" {
		cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	if f.CA != "" {
		content, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("tls: there is no certificate in %s", f.CA)
		}
	}
	return cfg, nil
}

// following are credentials that change. What they tell of themselves does not.
type following struct {
	credentials.TransportCredentials

	files TLS
	last  *last // shared by clones
	log   *slog.Logger
}

// last is the configuration that was read last.
type last struct {
	mu  sync.Mutex
	cfg *tls.Config
}

// ClientHandshake implements credentials.TransportCredentials.
func (c *following) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return credentials.NewTLS(c.current()).ClientHandshake(ctx, authority, conn)
}

// Clone implements credentials.TransportCredentials.
func (c *following) Clone() credentials.TransportCredentials {
	clone := *c
	clone.TransportCredentials = c.TransportCredentials.Clone()
	return &clone
}

func (c *following) current() *tls.Config {
	cfg, err := c.files.load()
	c.last.mu.Lock()
	defer c.last.mu.Unlock()
	if err != nil {
		c.log.Warn("certificates can't be read again; going on with those used last", "error", err)
	} else {
		c.last.cfg = cfg
	}
	return c.last.cfg
}
