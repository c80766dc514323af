package outgoing

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"

	"example.com/harbour/internal/platform/balancing"
)

// before does something to the context of a call before it is made.
type before func(context.Context) context.Context

// steps come one after the other.
type steps []before

func (s steps) context(ctx context.Context) context.Context {
	for _, step := range s {
		ctx = step(ctx)
	}
	return ctx
}

// outgoing returns the values of a metadata key that a call made with ctx goes out with.
func outgoing(ctx context.Context, key string) []string {
	return metadata.ValueFromOutgoingContext(ctx, key)
}

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
