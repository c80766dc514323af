package outgoing

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"example.com/jetty/internal/platform/requestid"
)

const (
	service = "a.v1.A"
	other   = "b.v1.B"
)

func TestParseCanary(t *testing.T) {
	tests := map[string]Canary{
		"2.1.0":       {Version: "2.1.0"},
		"2.1.0 5%":    {Version: "2.1.0", Percent: 5},
		" 2.1.0 0.5%": {Version: "2.1.0", Percent: 0.5},
	}
	for text, want := range tests {
		if got, err := ParseCanary(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2.1.0 5", "2.1.0 x%", "2.1.0 101%", "2.1.0 -1%", "2.1.0 NaN%"} {
		if _, err := ParseCanary(text); err == nil || !strings.Contains(err.Error(), "must be a version") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestAskedVersion(t *testing.T) {
	tests := []struct {
		values []string
		want   string
	}{
		{nil, ""},
		{[]string{"2"}, "2"},
		{[]string{service + "=3", "2"}, "3"},
		{[]string{"2", service + "=3"}, "3"},
		{[]string{other + "=3"}, ""},
	}
	for _, test := range tests {
		if got := asked(service, test.values); got != test.want {
			t.Errorf("%q: got %q, want %q", test.values, got, test.want)
		}
	}
}

func TestCanaryGetsItsShareOfRequests(t *testing.T) {
	choose := Canary{Version: "2", Percent: 20}.of(service)
	chosen := 0
	for i := range 10_000 {
		ctx := requestid.NewContext(t.Context(), "request-"+strconv.Itoa(i))
		first, second := outgoing(choose(ctx), versionHeader), outgoing(choose(ctx), versionHeader)
		if !slices.Equal(first, second) {
			t.Fatalf("two calls of a request go to %q and %q", first, second)
		}
		chosen += len(first)
	}
	if chosen < 1800 || chosen > 2200 {
		t.Errorf("got %d of 10000 requests, want 20%%", chosen)
	}
}

func TestCanaryOutsideOfARequest(t *testing.T) {
	if got := outgoing(Canary{Version: "2", Percent: 100}.of(service)(t.Context()), versionHeader); !slices.Equal(got, []string{service + "=2"}) {
		t.Errorf("got %q of all", got)
	}
	if got := outgoing(Canary{Version: "2"}.of(service)(t.Context()), versionHeader); len(got) > 0 {
		t.Errorf("got %q of none", got)
	}
}

// TestVersionIsCarriedOn follows a request through a service that knows of no canary.
func TestVersionIsCarriedOn(t *testing.T) {
	first := outgoing(Canary{Version: "2", Percent: 100}.of(service)(t.Context()), versionHeader)
	served := metadata.NewIncomingContext(context.Background(), metadata.MD{versionHeader: first})
	if got := sent(served, t, versionHeader)[versionHeader]; !slices.Equal(got, first) {
		t.Errorf("got %q, want %q", got, first)
	}
}
