package outgoing

import (
	"context"

	"google.golang.org/grpc/metadata"
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
