package requestid_test

import (
	"strings"
	"testing"

	"example.com/quay/internal/platform/requestid"
)

func TestValid(t *testing.T) {
	tests := map[string]bool{
		"":                                     false,
		"0190b6c5-8d3e-7c4b-9f5a-3e1d2c4b5a69": true,
		"a_b.c:D9":                             true,
		"with space":                           false,
		"line\nbreak":                          false,
		`quote"`:                               false,
		"umlautä":                              false,
		strings.Repeat("x", 64):                true,
		strings.Repeat("x", 65):                false,
	}
	for id, want := range tests {
		if got := requestid.Valid(id); got != want {
			t.Errorf("Valid(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestNewIsValidAndUnique(t *testing.T) {
	a, b := requestid.New(), requestid.New()
	if !requestid.Valid(a) || a == b {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestContext(t *testing.T) {
	if got := requestid.FromContext(t.Context()); got != "" {
		t.Errorf("got %q from an empty context", got)
	}
	if got := requestid.FromContext(requestid.NewContext(t.Context(), "abc")); got != "abc" {
		t.Errorf("got %q", got)
	}
}
