package consul

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"

	"github.com/hashicorp/consul/api"
)

// certificates secure connections. Their files are read for each new one; while they can't be used, as when they are just
// being replaced, what was read last is.
type certificates struct {
	files api.TLSConfig
	log   *slog.Logger

	mu   sync.Mutex
	last *tls.Config
}

// read reads the files, and keeps what it has read.
func (c *certificates) read() error {
	cfg, err := api.SetupTLSConfig(&c.files)
	if err != nil {
		return err
	}
	cfg.MinVersion = tls.VersionTLS12
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = cfg
	return nil
}

// dial connects, and shakes hands.
func (c *certificates) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := c.read(); err != nil {
		c.log.Warn("certificates can't be read again; going on with those used last", "error", err)
	}
	c.mu.Lock()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: Timeout}, Config: c.last}
	c.mu.Unlock()
	return dialer.DialContext(ctx, network, addr)
}
