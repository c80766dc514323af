package outgoing

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"
)

// sent returns the metadata that a call made while serving one with those keys goes out with.
func sent(ctx context.Context, t *testing.T, propagate ...string) metadata.MD {
	t.Helper()
	p, err := newPropagation(propagate)
	if err != nil {
		t.Fatal(err)
	}
	md, _ := metadata.FromOutgoingContext(p.context(ctx))
	return md
}

func TestPropagation(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{
		"x-tenant": {"a", "b"}, "x-user": {"theirs"}, "authorization": {"secret"}, "x-bits-bin": {"\x00\xff"},
	})
	ctx = metadata.AppendToOutgoingContext(ctx, "x-user", "ours")
	got := sent(ctx, t, "X-Tenant", "x-user", "x-absent", "x-bits-bin")
	want := metadata.MD{"x-tenant": {"a", "b"}, "x-user": {"ours"}, "x-bits-bin": {"\x00\xff"}}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for key := range want {
		if !slices.Equal(got[key], want[key]) {
			t.Errorf("%s: got %q, want %q", key, got[key], want[key])
		}
	}
}

func TestPropagationOutsideOfACall(t *testing.T) {
	if got := sent(t.Context(), t, "x-tenant"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestPropagationLeavesGRPCsOwnAlone(t *testing.T) {
	for _, key := range []string{"", ":path", "grpc-timeout", "GRPC-Timeout", "x a"} {
		if _, err := newPropagation([]string{key}); err == nil || !strings.Contains(err.Error(), "propagate") {
			t.Errorf("%q: got %v", key, err)
		}
	}
}
