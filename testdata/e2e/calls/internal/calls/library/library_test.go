// Package library calls as a program does that is no app: with nothing but the client, and nobody who watches.
package library

import (
	"testing"

	"github.com/acme/shop/internal/calls"
)

func BenchmarkCalls(b *testing.B) { calls.Benchmark(b) }
