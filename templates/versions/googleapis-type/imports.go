// Package googleapistype imports what a contract that uses google/type imports, so that the Go tooling keeps its versions.
package googleapistype

import (
	_ "google.golang.org/genproto/googleapis/type/money"
)
