// Command measure prints what svc costs beside the floor, in rounds that take turns so that whatever else
// the machine does hits all of them. bench/run builds svc and starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/svcgen/svc/bench"
)

func main() {
	svc := flag.String("svc", "", "the svc to measure")
	sizes := flag.String("sizes", "small,medium,large", "what to measure generation on; empty for nothing")
	rounds := flag.Int("rounds", 0, "rounds of each size (default 40, 20 and 10)")
	first := flag.Int("first", 0, "rounds from an empty folder to the first answered call")
	flag.Parse()
	if err := run(*svc, *sizes, *rounds, *first); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(svc, sizes string, rounds, first int) error {
	dir, err := os.MkdirTemp("", "svc-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	svc, err = filepath.Abs(svc)
	if err != nil {
		return err
	}
	b := bed{dir: dir, svc: svc}
	for i, s := range bench.Sizes {
		if !slices.Contains(strings.Split(sizes, ","), s.Name) {
			continue
		}
		n := []int{40, 20, 10}[i]
		if rounds > 0 {
			n = rounds
		}
		if err := b.generation(s, n); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if first > 0 {
		return b.firstCall(context.Background(), first)
	}
	return nil
}

// series are the costs of one thing, a round each.
type series []cost

// row prints a line: median and least time, the median of the ratios to base, and the highest memory.
func row(name string, s, base series, limit float64) {
	times, ratios := make([]time.Duration, len(s)), make([]float64, len(s))
	var memory int64
	for i, c := range s {
		times[i], ratios[i] = c.wall, float64(c.wall)/float64(base[i].wall)
		memory = max(memory, c.memory)
	}
	limits := "–"
	if limit > 0 {
		limits = fmt.Sprintf("≤ %g", limit)
	}
	fmt.Printf("| %s | %s | %s | %.2f | %s | %s |\n", name, ms(median(times)), ms(slices.Min(times)), median(ratios), limits, mib(memory))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

func mib(bytes int64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

func median[T time.Duration | float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
