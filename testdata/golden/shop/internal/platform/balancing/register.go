// Package balancing says which instance of a service gets a call. It chooses among grpc-go's balancers, and adds those
// that grpc-go doesn't have.
package balancing

import "google.golang.org/grpc/balancer"

// The names of the balancers of this package. All modules of a process share grpc-go's list of balancers; with the
// module's path in front, none of them takes another one's place.
const (
	weightedName = "github.com/acme/shop/weighted"
	loadName     = "github.com/acme/shop/least_request"
	hashName     = "github.com/acme/shop/consistent_hash"
	versionsName = "github.com/acme/shop/versions"
)

// init is the only time at which gRPC takes balancers, and a process-wide list the only way: no option of a connection
// does. grpc-go's own get there in the same way.
func init() {
	balancer.Register(shardedBuilder{name: weightedName, pick: byWeight, weigh: weightOf})
	balancer.Register(shardedBuilder{name: loadName, pick: byLoad, weigh: alike, each: withLoad})
	balancer.Register(shardedBuilder{name: hashName, pick: byHash, weigh: alike})
	balancer.Register(versionsBuilder{})
}
