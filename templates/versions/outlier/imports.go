// Package outlier imports what a project with the layer outlier imports, so that the Go tooling keeps its versions.
package outlier

import (
	_ "google.golang.org/grpc/balancer"
	_ "google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/serviceconfig"
	_ "google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds"
)
