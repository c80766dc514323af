// Package requestid names a request, so that its log lines can be found in every service it went through.
package requestid

import (
	"context"
	"crypto/rand"
)

// Header is the metadata key (and HTTP header) that carries the id.
const Header = "x-request-id"

const maxLength = 64

type contextKey struct{}

// New returns an id that no other request has.
func New() string { return rand.Text() }

// Valid reports whether an id from outside may be kept. It ends up in logs and in headers to other services, so it
// must be short and can hold letters, digits, and - _ . : only.
func Valid(id string) bool {
	if id == "" || len(id) > maxLength {
		return false
	}
	for _, c := range []byte(id) {
		if !safe(c) {
			return false
		}
	}
	return true
}

func safe(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.' || c == ':'
}

// NewContext returns a context that carries id.
func NewContext(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// FromContext returns the id of the request that ctx belongs to, or "".
func FromContext(ctx context.Context) string {
	id, _ := ctx.Value(contextKey{}).(string)
	return id
}
