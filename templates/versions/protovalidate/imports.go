// Package protovalidate imports what a contract that uses buf/validate imports, so that the Go tooling keeps its versions.
package protovalidate

import (
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
)
