package balancing

import (
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// listener hears from a balancer.
type listener struct {
	balancer.ClientConn
	state balancer.State
}

func (l *listener) UpdateState(state balancer.State) { l.state = state }

func TestLeastRequestSparesTheBusy(t *testing.T) {
	var heard [2]listener
	var instances [2]ready
	var picked [2]*counter
	become := func(i int, conn balancer.ClientConn) {
		picked[i] = &counter{}
		conn.UpdateState(balancer.State{ConnectivityState: connectivity.Ready, Picker: picked[i]})
		instances[i].Picker = heard[i].state.Picker
	}
	busy, other := withLoad(&heard[0]), withLoad(&heard[1])
	become(0, busy)
	become(1, other)
	call, err := instances[0].Pick(balancer.PickInfo{})
	if err != nil {
		t.Fatal(err)
	}
	become(0, busy) // pickers change while calls are in flight
	for range 100 {
		result, err := byLoad(instances[:]).Pick(balancer.PickInfo{})
		if err != nil {
			t.Fatal(err)
		}
		result.Done(balancer.DoneInfo{})
	}
	if picked[0].picked > 0 {
		t.Errorf("got %d of 100 calls to the instance that has one in flight", picked[0].picked)
	}
	call.Done(balancer.DoneInfo{})
	for range 100 {
		_, _ = byLoad(instances[:]).Pick(balancer.PickInfo{}) // can't fail
	}
	if got := picked[0].picked; got != 50 {
		t.Errorf("got %d of 100 calls that stay in flight to one of two instances that had none", got)
	}
}
