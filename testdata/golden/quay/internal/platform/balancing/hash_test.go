package balancing

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
)

func readyAt(n int) []ready {
	instances := make([]ready, n)
	for i := range instances {
		addresses := []resolver.Address{{Addr: fmt.Sprintf("10.0.0.%d:9090", i)}}
		instances[i] = ready{resolver.Endpoint{Addresses: addresses}, &counter{}}
	}
	return instances
}

func shares(table []balancer.Picker) map[balancer.Picker]int {
	shares := map[balancer.Picker]int{}
	for _, picker := range table {
		shares[picker]++
	}
	return shares
}

func TestMaglevSharesEqually(t *testing.T) {
	for _, n := range []int{1, 2, 3, 100, 1000} {
		got := shares(maglev(readyAt(n)))
		for _, places := range got {
			if len(got) != n || places < tableSize/n || places > tableSize/n+1 {
				t.Fatalf("%d instances: one of %d has %d places", n, len(got), places)
			}
		}
	}
}

func TestMaglevKeepsMostPlaces(t *testing.T) {
	instances := readyAt(100)
	before := maglev(instances)
	lost := instances[42].Picker
	after := maglev(append(instances[:42:42], instances[43:]...))
	moved := 0
	for i := range before {
		if before[i] != lost && before[i] != after[i] {
			moved++
		}
	}
	if share := float64(moved) / tableSize; share > 0.05 {
		t.Errorf("%.1f%% of what other instances had has moved", 100*share)
	}
}

func TestMaglevIsTheSameForAllClients(t *testing.T) {
	instances := readyAt(10)
	want := maglev(instances)
	turned := append(append([]ready{}, instances[5:]...), instances[:5]...)
	for i, picker := range maglev(turned) {
		if picker != want[i] {
			t.Fatalf("place %d has another instance", i)
		}
	}
}

func BenchmarkMaglev(b *testing.B) {
	instances := readyAt(1000)
	for b.Loop() {
		maglev(instances)
	}
}
