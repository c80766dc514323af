// Package outgoing holds what happens around every call that a client makes.
package outgoing

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

// Config says what happens around calls to one service.
type Config struct {
	Service   string   // fully-qualified
	Propagate []string // metadata keys that go on from the call that is being served to those that it makes
	Canary    Canary   // of the service; the zero value if it has none
	HashKey   string   // metadata key whose value decides which instance is called, or ""
	Breaker   Breaker
}

// Around returns what has a client do that, the same for unary calls and streams:
//
//   - OpenTelemetry comes first, to see all of it;
//   - then what is propagated, because it may decide where a call goes;
//   - then that is decided, once for all attempts of gRPC's;
//   - the breaker sees what the caller is answered, after all attempts.
//
// What gRPC itself does comes after all of them: deadlines of the contract, attempts, balancing. Deadlines of the caller
// are propagated by gRPC.
func Around(cfg Config) ([]grpc.DialOption, error) {
	observe, err := globalObserver()
	if err != nil {
		return nil, err
	}
	carry, err := newPropagation(slices.Concat(cfg.Propagate, []string{versionHeader}))
	if err != nil {
		return nil, err
	}
	calls := &calls{observe: observe, before: steps{carry.context}}
	if cfg.Canary.Version != "" {
		calls.before = append(calls.before, cfg.Canary.of(cfg.Service))
	}
	if cfg.HashKey != "" {
		calls.before = append(calls.before, hashBy(cfg.HashKey))
	}
	if cfg.Breaker.Ratio > 0 {
		if calls.guard, err = newBreakers(cfg.Service, cfg.Breaker); err != nil {
			return nil, err
		}
	}
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(calls.unary), grpc.WithChainStreamInterceptor(calls.stream)}, nil
}

// calls is what happens around them. It is one interceptor, because each costs.
type calls struct {
	observe *observer
	before  steps
	guard   *breakers // nil for none
}

func (c *calls) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, call := c.observe.begin(ctx, method)
	if call.span.IsRecording() {
		call.peer = new(peer.Peer)
		options = append(options[:len(options):len(options)], grpc.Peer(call.peer))
	}
	err := c.guard.unary(c.before.context(ctx), method, req, reply, conn, invoke, options...)
	call.end(ctx, err)
	return err
}

func (c *calls) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, call := c.observe.begin(ctx, method)
	var once sync.Once
	end := func(err error) { once.Do(func() { call.end(ctx, err) }) }
	stream, err := c.guard.stream(c.before.context(ctx), desc, conn, method, open, append(options[:len(options):len(options)], grpc.OnFinish(end))...)
	if err != nil {
		end(err)
	}
	return stream, err
}
