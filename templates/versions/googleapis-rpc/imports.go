// Package googleapisrpc imports what a contract that uses google/rpc imports, so that the Go tooling keeps its versions.
package googleapisrpc

import (
	_ "google.golang.org/genproto/googleapis/rpc/status"
)
