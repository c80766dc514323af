// Package googleapisapi imports what a contract that uses google/api imports, so that the Go tooling keeps its versions.
package googleapisapi

import (
	_ "google.golang.org/genproto/googleapis/api/annotations"
)
