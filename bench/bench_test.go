package bench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/svcgen/svc/bench"
	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/templates"
)

const svcYAML = `version: 1
name: bench
module: ` + bench.Module + `
proto:
  roots: [api]
registry: etcd
layers: [docker, helm]
apps:
  - name: bench
    services: ["*"]
`

// BenchmarkGenerate runs the pipeline in process: what bench/run measures, without the start of svc.
func BenchmarkGenerate(b *testing.B) {
	for _, size := range bench.Sizes {
		b.Run(size.Name+"/whole", func(b *testing.B) {
			top := b.TempDir()
			generate(b, plant(b, top, 0, size)) // builds the stub plugins where that was never done
			for i := 1; b.Loop(); i++ {
				b.StopTimer()
				dir := plant(b, top, i, size)
				b.StartTimer()
				generate(b, dir)
			}
		})
		b.Run(size.Name+"/nothing", func(b *testing.B) {
			dir := plant(b, b.TempDir(), 0, size)
			generate(b, dir)
			for b.Loop() {
				generate(b, dir)
			}
		})
	}
}

// plant makes a project of svc.yaml and a contract.
func plant(b *testing.B, top string, i int, size bench.Size) string {
	b.Helper()
	dir := filepath.Join(top, fmt.Sprint(i))
	if err := size.Write(filepath.Join(dir, "api")); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "svc.yaml"), []byte(svcYAML), 0o644); err != nil {
		b.Fatal(err)
	}
	return dir
}

func generate(b *testing.B, dir string) {
	b.Helper()
	e := engine.Engine{Layers: templates.FS, Progress: func(text string) { b.Log(text) }}
	if _, err := e.Generate(context.Background(), dir, engine.Options{}); err != nil {
		b.Fatal(err)
	}
}
