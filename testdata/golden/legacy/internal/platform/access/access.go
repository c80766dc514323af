// Package access is how the app is let in by its registry: who it says it is, and how the connection is secured.
package access

import (
	"slices"
	"strings"
)

// Access is what a registry asks for. The zero value is for one that lets everybody in, over connections in plain text.
type Access struct {
	Username string
	Password string
	TLS      TLS
}

// Secure reports whether connections to the registry at endpoints are secured: when one of them says https, or a file
// is named.
func (a Access) Secure(endpoints []string) bool {
	return a.TLS != TLS{} || slices.ContainsFunc(endpoints, func(e string) bool { return strings.HasPrefix(e, "https://") })
}
