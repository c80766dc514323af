package balancing

import (
	"cmp"
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"

	"google.golang.org/grpc/balancer"
)

type hashKey struct{}

// WithHash returns a context whose calls go to the instance that has all calls with that value, where the policy is
// ConsistentHash.
func WithHash(ctx context.Context, value string) context.Context {
	return context.WithValue(ctx, hashKey{}, hash(value, 0))
}

// hashPicker looks up which instance has the calls with a value. The table is made when a call needs it: instances may
// come and go by the hundred in between.
type hashPicker struct {
	table func() []balancer.Picker
}

func byHash(instances []ready) balancer.Picker {
	return hashPicker{sync.OnceValue(func() []balancer.Picker { return maglev(instances) })}
}

// Pick implements balancer.Picker.
func (p hashPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	hash, ok := info.Ctx.Value(hashKey{}).(uint64)
	if !ok {
		hash = rand.Uint64() // any instance will do
	}
	return p.table()[hash%tableSize].Pick(info)
}

// tableSize is a prime, as maglev needs. Of 1,000 instances, one gets at most 6% more than another; a larger table would
// take longer to make than changes of so many take to follow each other.
const tableSize = 16381

// maglev returns the lookup table of Google's Maglev (https://research.google/pubs/pub44824, section 3.4). All clients
// make the same one for the same instances, which have equal parts of it, and most places stay when one comes or goes.
// In turns, each instance takes the next free place of its own permutation of all places.
func maglev(instances []ready) []balancer.Picker {
	type turn struct{ place, step uint64 }
	slices.SortFunc(instances, func(a, b ready) int { return cmp.Compare(address(a), address(b)) })
	turns := make([]turn, len(instances))
	for i, instance := range instances {
		turns[i] = turn{hash(address(instance), 1) % tableSize, hash(address(instance), 2)%(tableSize-1) + 1}
	}
	table := make([]balancer.Picker, tableSize)
	for filled := 0; ; {
		for i := range turns {
			t := &turns[i]
			for table[t.place] != nil {
				t.place = (t.place + t.step) % tableSize
			}
			table[t.place] = instances[i].Picker
			if filled++; filled == tableSize {
				return table
			}
		}
	}
}

func address(instance ready) string { return instance.Addresses[0].Addr }

// hash is the same in every process, and another one for each seed.
func hash(value string, seed byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte{seed}) // never fails
	_, _ = h.Write([]byte(value))
	// FNV alone leaves the last byte of values that are alike in the low bits.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
