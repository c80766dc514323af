package balancing

import "google.golang.org/grpc/balancer/randomsubsetting"

// among has a client know no more than size of the instances: its own choice, by a hash of their addresses, of which one
// more changes when an instance comes or goes. A choice of size 0 is all of them. It is made among the instances of each
// version, none of which is lost to a client by it. Where all clients have to agree on an instance, as consistent_hash
// needs them to, there must be no choice.
func among(size int, balancer map[string]any) map[string]any {
	if size == 0 {
		return balancer
	}
	return config(randomsubsetting.Name, map[string]any{"subsetSize": size, "childPolicy": []any{balancer}})
}
