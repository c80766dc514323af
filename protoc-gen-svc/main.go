// Command protoc-gen-svc is svc as a plugin of protoc and buf.
package main

import (
	"os"

	"github.com/svcgen/svc/internal/plugin"
)

func main() { os.Exit(plugin.Main(os.Stdin, os.Stdout, os.Stderr)) }
