package cli

import (
	"bytes"
	_ "embed"
	"go/token"
	"strings"
)

//go:embed starter.proto
var starterContract []byte

// starter returns the import path and the source of the contract that a project without one starts from.
func starter(project string) (name string, content []byte) {
	pkg := strings.ReplaceAll(project, "-", "")
	if token.IsKeyword(pkg) {
		pkg += "svc"
	}
	return pkg + "/v1/greeter.proto", bytes.Replace(starterContract, []byte("PACKAGE"), []byte(pkg), 1)
}
