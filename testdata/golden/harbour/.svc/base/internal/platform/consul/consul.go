// Package consul connects to the registry.
package consul

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/consul/api"
)

// Timeout limits one request to Consul, apart from the time that it is told to wait for news.
const Timeout = 3 * time.Second

// Client is a client of one agent.
type Client struct {
	*api.Client
	Endpoint  string // of the agent
	transport *http.Transport
}

// NewClient returns a client of the agent at endpoint: host:port, or a URL. It does not connect yet. What it isn't told
// comes from the variables that every client of Consul takes: CONSUL_HTTP_TOKEN while token is empty; CONSUL_CACERT,
// CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY for TLS, whose files are read again for each new connection; CONSUL_NAMESPACE
// and CONSUL_PARTITION, which Consul Enterprise has.
func NewClient(endpoint, token string, log *slog.Logger) (*Client, error) {
	files := &certificates{files: api.DefaultConfig().TLSConfig, log: log}
	if err := files.read(); err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: Timeout}).DialContext,
		DialTLSContext:      files.dial,
		TLSHandshakeTimeout: Timeout,
		MaxIdleConnsPerHost: 16, // as many as there are services in an app: they are listed, and looked for, at once
		IdleConnTimeout:     time.Minute,
	}
	client, err := api.NewClient(&api.Config{Address: endpoint, Token: token, Transport: transport})
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	return &Client{Client: client, Endpoint: endpoint, transport: transport}, nil
}

// Close hangs up. Requests under way end with their contexts.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}
