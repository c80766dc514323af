// Package outgoing holds what happens around every call that a client makes.
package outgoing

import (
	"slices"

	"google.golang.org/grpc"
)

// Config says what happens around calls to one service.
type Config struct {
	Service   string   // fully-qualified
	Propagate []string // metadata keys that go on from the call that is being served to those that it makes
	Canary    Canary   // of the service; the zero value if it has none
	HashKey   string   // metadata key whose value decides which instance is called, or ""
	Breaker   Breaker
}

// Chain returns the interceptors of a client, outermost first, the same for unary calls and streams:
//
//   - OpenTelemetry comes first, to see all of it;
//   - then what is propagated, because it may decide where a call goes;
//   - then that is decided, once for all attempts of gRPC's;
//   - the breaker sees what the caller is answered, after all attempts.
//
// What gRPC itself does comes after all of them: deadlines of the contract, attempts, balancing. Deadlines of the caller
// are propagated by gRPC.
func Chain(cfg Config) ([]grpc.DialOption, error) {
	observe, err := globalObserver()
	if err != nil {
		return nil, err
	}
	carry, err := newPropagation(slices.Concat(cfg.Propagate, []string{versionHeader}))
	if err != nil {
		return nil, err
	}
	steps := steps{carry.context}
	if cfg.Canary.Version != "" {
		steps = append(steps, cfg.Canary.of(cfg.Service))
	}
	if cfg.HashKey != "" {
		steps = append(steps, hashBy(cfg.HashKey))
	}
	unary := []grpc.UnaryClientInterceptor{observe.unary, steps.unary}
	stream := []grpc.StreamClientInterceptor{observe.stream, steps.stream}
	if cfg.Breaker.Ratio > 0 {
		guard, err := newBreakers(cfg.Service, cfg.Breaker)
		if err != nil {
			return nil, err
		}
		unary, stream = append(unary, guard.unary), append(stream, guard.stream)
	}
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(unary...), grpc.WithChainStreamInterceptor(stream...)}, nil
}
