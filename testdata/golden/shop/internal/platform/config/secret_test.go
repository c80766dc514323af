package config

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretsAreNotShown(t *testing.T) {
	const token = "6b3c0c9e"
	cfg, err := Load("app", "", []string{"--set", "registry.password=" + token})
	if err != nil {
		t.Fatal(err)
	}
	if string(cfg.Registry.Password) != token {
		t.Errorf("got %q", string(cfg.Registry.Password))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("started", "config", cfg)
	slog.New(slog.NewTextHandler(&log, nil)).Info("started", "token", cfg.Registry.Password)
	shown := fmt.Sprintf("%v %+v %s", cfg, cfg, cfg.Registry.Password) + log.String()
	if strings.Contains(shown, token) {
		t.Errorf("it is shown: %s", shown)
	}
}
