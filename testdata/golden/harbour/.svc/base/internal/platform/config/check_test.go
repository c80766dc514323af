package config

import "testing"

func TestCheckIsValidated(t *testing.T) {
	for value, ok := range map[string]bool{"grpc": true, "ttl": true, "http": false, "": false} {
		if _, err := Load("app", "", []string{"--set", "registry.check=" + value}); (err == nil) != ok {
			t.Errorf("registry.check=%s: got %v", value, err)
		}
	}
}
