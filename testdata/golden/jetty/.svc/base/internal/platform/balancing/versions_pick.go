package balancing

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/connectivity"
)

// versionPicker picks an instance of the version that a call wants, if one is ready, and else one of the rest.
type versionPicker struct {
	ready map[string]balancer.Picker // by version
	rest  balancer.Picker
}

// Pick implements balancer.Picker.
func (p versionPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	if wanted, ok := info.Ctx.Value(wantedKey{}).(string); ok {
		if picker, ok := p.ready[wanted]; ok {
			return picker.Pick(info)
		}
	}
	return p.rest.Pick(info)
}

// bestFirst is the order in which a call prefers what it can get. A call never waits, or fails, for want of one version
// while an instance of another is ready: not even if that is the canary's.
var bestFirst = []connectivity.State{connectivity.Ready, connectivity.Connecting, connectivity.Idle, connectivity.TransientFailure}

// pickVersions is the state of a connection whose versions are in those states.
func pickVersions(children map[string]*version, canary string) balancer.State {
	ready := map[string]balancer.Picker{}
	for name, child := range children {
		if child.state.ConnectivityState == connectivity.Ready {
			ready[name] = child.state.Picker
		}
	}
	for _, state := range bestFirst {
		rest := inState(children, state, func(name string) bool { return name != canary })
		if rest == nil {
			rest = inState(children, state, func(name string) bool { return name == canary })
		}
		if rest != nil {
			return balancer.State{ConnectivityState: state, Picker: versionPicker{ready, rest}}
		}
	}
	return failing(errNoInstances)
}

// inState picks among the versions in a state, by their weights, or is nil.
func inState(children map[string]*version, state connectivity.State, include func(name string) bool) balancer.Picker {
	var pickers []balancer.Picker
	var weights []float64
	for name, child := range children {
		if child.state.ConnectivityState == state && include(name) {
			pickers, weights = append(pickers, child.state.Picker), append(weights, child.weight())
		}
	}
	if len(pickers) == 0 {
		return nil
	}
	return newAliasPicker(pickers, weights)
}

// weight is that of the version's instances which are ready. A client that is connected to a subset of them takes it for
// all: the others are called by other clients.
func (v *version) weight() float64 {
	return weightOfOne(v.state.Picker) * float64(len(v.instances))
}

// weightOfOne is the weight of an instance on average, those that are not ready having none.
func weightOfOne(picker balancer.Picker) float64 {
	if known, ok := picker.(shardedPicker); ok {
		return known.weight
	}
	all := endpointsharding.ChildStatesFromPicker(picker)
	if len(all) == 0 {
		return 1 // pick_first knows one only
	}
	ready := 0
	for _, child := range all {
		if child.State.ConnectivityState == connectivity.Ready {
			ready++
		}
	}
	return float64(ready) / float64(len(all))
}
