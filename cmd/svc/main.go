// Command svc makes Go service projects from .proto files and keeps them up to date.
package main

import (
	"os"

	"github.com/svcgen/svc/internal/cli"
)

func main() { os.Exit(cli.Main()) }
