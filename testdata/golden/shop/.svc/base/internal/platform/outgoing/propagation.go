package outgoing

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/metadata"
)

// propagated are the metadata keys that go on from the call that is being served to those that it makes. The request id
// is not among them: the server, which may have made it, sees to that.
type propagated []string

func newPropagation(keys []string) (propagated, error) {
	var p propagated
	for _, key := range keys {
		key = strings.ToLower(key)
		if key == "" || strings.HasPrefix(key, ":") || strings.HasPrefix(key, "grpc-") {
			return nil, fmt.Errorf("propagate: %q is not a metadata key for others than gRPC", key)
		}
		p = append(p, key)
	}
	return p, nil
}

// context carries the keys on. What the caller has set itself stays as it is.
func (p propagated) context(ctx context.Context) context.Context {
	for _, key := range p {
		values := metadata.ValueFromIncomingContext(ctx, key)
		if len(values) == 0 || len(outgoing(ctx, key)) > 0 {
			continue
		}
		for _, value := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, key, value)
		}
	}
	return ctx
}
