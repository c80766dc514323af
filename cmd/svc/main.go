// Command svc makes Go service projects from .proto files and keeps them up to date.
package main

import (
	"os"
	"runtime"

	"github.com/svcgen/svc/internal/cli"
)

func main() {
	// A run on a contract of usual size ends before its garbage is worth collecting. The collector waits until the heap
	// is twice what it was, so let it be something from the start: memory that is never touched takes no room.
	ballast := make([]byte, 32<<20)
	code := cli.Main()
	runtime.KeepAlive(ballast)
	os.Exit(code)
}
