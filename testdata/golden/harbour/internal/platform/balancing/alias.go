package balancing

import (
	"math/rand/v2"
	"slices"

	"google.golang.org/grpc/balancer"
)

// aliasPicker picks at random, by weight, in a time that doesn't depend on how many there are to pick from: Vose's alias
// method. Each place holds one picker in full, or what two of them have together that makes a full one.
type aliasPicker []place

type place struct {
	own, other balancer.Picker
	share      float64 // of own
}

// newAliasPicker has pickers picked by their weights. Those of weight 0 are for when there is nothing else.
func newAliasPicker(pickers []balancer.Picker, weights []float64) aliasPicker {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	if sum == 0 {
		sum = float64(len(pickers))
		weights = slices.Repeat([]float64{1}, len(pickers))
	}
	places := make(aliasPicker, len(pickers))
	var light, heavy []int
	for i, picker := range pickers {
		places[i] = place{own: picker, other: picker, share: weights[i] * float64(len(pickers)) / sum}
		if places[i].share < 1 {
			light = append(light, i)
		} else {
			heavy = append(heavy, i)
		}
	}
	for len(light) > 0 && len(heavy) > 0 {
		l, h := light[len(light)-1], heavy[len(heavy)-1]
		light = light[:len(light)-1]
		places[l].other = pickers[h]
		places[h].share -= 1 - places[l].share
		if places[h].share < 1 {
			heavy = heavy[:len(heavy)-1]
			light = append(light, h)
		}
	}
	return places
}

// Pick implements balancer.Picker.
func (p aliasPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	at := &p[rand.IntN(len(p))]
	if rand.Float64() < at.share {
		return at.own.Pick(info)
	}
	return at.other.Pick(info)
}
