// Package balancing says which instance of a service gets a call. It chooses among grpc-go's balancers, and adds those
// that grpc-go doesn't have.
package balancing

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/balancer/randomsubsetting"
	"google.golang.org/grpc/balancer/roundrobin"
)

// Policies that a service may have.
const (
	// RoundRobin has instances take turns. It is right where they are alike, and so are calls.
	RoundRobin = "round_robin"

	// Weighted has instances get calls in proportion to the weight in their metadata.
	Weighted = "weighted"

	// LeastRequest takes two instances at random and calls the one that has fewer calls in flight, which evens out
	// calls that cost more than others.
	LeastRequest = "least_request"

	// PickFirst stays with one instance as long as that can be reached. Clients don't all take the same one.
	PickFirst = "pick_first"

	// ConsistentHash, as consistent_hash:<metadata key>, has calls that are alike in that key go to the same instance,
	// and most of them stay there when instances come and go. Calls without the key go anywhere. grpc-go's own
	// ring_hash connects to an instance only when that is first called, and makes four allocations a call.
	ConsistentHash = "consistent_hash"
)

// The names of the balancers of this package. All modules of a process share grpc-go's list of balancers; with the
// module's path in front, none of them takes another one's place.
const (
	weightedName = "example.com/depot/weighted"
	loadName     = "example.com/depot/least_request"
	hashName     = "example.com/depot/consistent_hash"
	versionsName = "example.com/depot/versions"
)

// init is the only time at which gRPC takes balancers, and a process-wide list the only way: no option of a connection
// does. grpc-go's own get there in the same way.
func init() {
	balancer.Register(shardedBuilder{name: weightedName, pick: byWeight, weigh: weightOf})
	balancer.Register(shardedBuilder{name: loadName, pick: byLoad, weigh: alike, each: withLoad})
	balancer.Register(shardedBuilder{name: hashName, pick: byHash, weigh: alike})
	balancer.Register(versionsBuilder{})
}

// maxSubset is more than there are instances, and an int on every machine.
const maxSubset = math.MaxInt32

var errNoHashKey = errors.New("must name the metadata key whose value decides: consistent_hash:x-user-id")

// Config is the balancer that does what a policy says, and its settings, as gRPC's service config has them. A subset of
// more than 0 is how many of the instances it spreads calls over; consistent_hash and pick_first take no part in that.
func Config(policy string, subset int) (map[string]any, error) {
	if subset < 0 || subset > maxSubset {
		return nil, fmt.Errorf("a subset must be from 0 to %d, got %d", maxSubset, subset)
	}
	name, key, _ := strings.Cut(policy, ":")
	if name == ConsistentHash {
		if key == "" {
			return nil, errNoHashKey
		}
		return config(hashName, nil), nil
	}
	switch policy {
	case RoundRobin, "":
		return among(subset, config(roundrobin.Name, nil)), nil
	case Weighted:
		return among(subset, config(weightedName, nil)), nil
	case LeastRequest:
		return among(subset, config(loadName, nil)), nil
	case PickFirst:
		return config(pickfirst.Name, map[string]any{"shuffleAddressList": true}), nil
	}
	return nil, fmt.Errorf("must be %s, %s, %s, %s or %s:<metadata key>, got %q",
		RoundRobin, Weighted, LeastRequest, PickFirst, ConsistentHash, policy)
}

// among has a client know no more than size of the instances: its own choice, by a hash of their addresses, of which one
// more changes when an instance comes or goes. A choice of size 0 is all of them. It is made among the instances of each
// version, none of which is lost to a client by it. Where all clients have to agree on an instance, as consistent_hash
// needs them to, there must be no choice.
func among(size int, child map[string]any) map[string]any {
	if size == 0 {
		return child
	}
	return config(randomsubsetting.Name, map[string]any{"subsetSize": size, "childPolicy": []any{child}})
}

func config(name string, settings map[string]any) map[string]any {
	if settings == nil {
		settings = map[string]any{}
	}
	return map[string]any{name: settings}
}

// HashKey is the metadata key whose value decides where calls go, or "" if the policy doesn't go by one.
func HashKey(policy string) string {
	policy, key, _ := strings.Cut(policy, ":")
	if policy != ConsistentHash {
		return ""
	}
	return key
}
