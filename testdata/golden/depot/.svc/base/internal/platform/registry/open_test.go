package registry

import (
	"log/slog"
	"strings"
	"testing"

	"example.com/depot/internal/platform/config"
)

func TestOpenChecksTheEndpoints(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	opened, err := Open(config.Registry{Endpoints: []string{"a.v1.A=10.0.0.1:9090"}}, log)
	if _, none := opened.(None); err != nil || !none {
		t.Errorf("got %T, %v", opened, err)
	}
	_, err = Open(config.Registry{Endpoints: []string{"a.v1.A"}}, log)
	if err == nil || !strings.Contains(err.Error(), "registry.endpoints") {
		t.Errorf("got %v", err)
	}
}
