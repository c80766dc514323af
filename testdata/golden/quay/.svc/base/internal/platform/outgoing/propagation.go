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
		if err := CheckKey(key); err != nil {
			return nil, fmt.Errorf("propagate: %w", err)
		}
		p = append(p, strings.ToLower(key))
	}
	return p, nil
}

// letters are what gRPC takes in metadata keys.
const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_."

// CheckKey says why key can't be a metadata key that goes on, or nil.
func CheckKey(key string) error {
	key = strings.ToLower(key)
	if key == "" || strings.Trim(key, letters) != "" || strings.HasPrefix(key, "grpc-") {
		return fmt.Errorf("%q is not a metadata key for others than gRPC", key)
	}
	return nil
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
