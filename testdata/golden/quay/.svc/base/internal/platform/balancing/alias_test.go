package balancing

import (
	"math"
	"testing"

	"google.golang.org/grpc/balancer"
)

// counter counts how often it is picked.
type counter struct{ picked int }

func (c *counter) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	c.picked++
	return balancer.PickResult{}, nil
}

func TestAliasPickerKeepsProportions(t *testing.T) {
	const picks = 100_000
	for _, weights := range [][]float64{{1}, {1, 1, 1}, {1, 2, 3, 4}, {1000, 1, 1}, {5, 0.5, 0.25, 7, 7}} {
		counters := make([]*counter, len(weights))
		pickers := make([]balancer.Picker, len(weights))
		var sum float64
		for i := range weights {
			counters[i] = &counter{}
			pickers[i] = counters[i]
			sum += weights[i]
		}
		p := newAliasPicker(pickers, weights)
		for range picks {
			_, _ = p.Pick(balancer.PickInfo{}) // can't fail
		}
		for i, c := range counters {
			share := weights[i] / sum
			deviation := 6 * math.Sqrt(share*(1-share)/picks) // once in 500 million times it is more by chance
			if got := float64(c.picked) / picks; math.Abs(got-share) > deviation {
				t.Errorf("weights %v: got %.4f for %v, want %.4f", weights, got, weights[i], share)
			}
		}
	}
}
