// Command svc makes Go service projects from .proto files and keeps them up to date.
package main

import (
	"os"
	"runtime/debug"

	"github.com/svcgen/svc/internal/cli"
)

func main() {
	// svc lives for a moment: collecting its garbage late saves more time than memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(cli.Main())
}
