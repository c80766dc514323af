package engine

import (
	"os"
	"testing"

	"github.com/svcgen/svc/internal/scratch"
)

func TestMain(m *testing.M) {
	scratch.InMemory()
	os.Exit(m.Run())
}
