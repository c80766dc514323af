package outgoing

import (
	"context"
	"strings"

	"example.com/quay/internal/platform/balancing"
)

// hashBy has the value of a metadata key decide which instance is called.
func hashBy(key string) before {
	return func(ctx context.Context) context.Context {
		values := outgoing(ctx, key)
		if len(values) == 0 {
			return ctx
		}
		return balancing.WithHash(ctx, strings.Join(values, ","))
	}
}
