// Package discovery imports what a project with a registry imports, whichever it is, so that the Go tooling keeps its
// versions.
package discovery

import (
	_ "go.opentelemetry.io/otel"
	_ "go.opentelemetry.io/otel/attribute"
	_ "go.opentelemetry.io/otel/metric"
	_ "google.golang.org/grpc/attributes"
	_ "google.golang.org/grpc/resolver"
)
