package config

import "testing"

func TestIntervalIsValidated(t *testing.T) {
	for value, ok := range map[string]bool{"100ms": true, "99ms": false, "0s": false, "-1s": false} {
		if _, err := Load("app", "", []string{"--set", "registry.interval=" + value}); (err == nil) != ok {
			t.Errorf("registry.interval=%s: got %v", value, err)
		}
	}
}
