package client

import (
	"fmt"
	"time"

	"google.golang.org/grpc"

	"example.com/quay/internal/platform/balancing"
	"example.com/quay/internal/platform/outgoing"
)

// Breaker says when a method of a service counts as sick. For a while, its calls then fail at once, with
// codes.Unavailable: the service can recover, and callers needn't wait for what won't come. Calls fail that end as
// codes.Unavailable, Internal, ResourceExhausted, or DeadlineExceeded after the time that the contract gives them.
type Breaker struct {
	// Ratio is the share of calls, of those in the last 10 seconds, that have to fail. 0 means that there is no breaker.
	Ratio float64

	// MinCalls is how many calls there have to be for their share to mean something.
	MinCalls uint32

	// Pause is how long no call is let through. Then a few are: if they all succeed, the method counts as well again,
	// and else there is another pause. 0 means a minute.
	Pause time.Duration
}

// around is what happens around every call to a service.
func (c Config) around(service string) ([]grpc.DialOption, error) {
	canary, err := c.canary(service)
	if err != nil {
		return nil, err
	}
	return outgoing.Around(outgoing.Config{
		Service:   service,
		Propagate: c.Propagate,
		Canary:    canary,
		HashKey:   balancing.HashKey(c.policy(service)),
		Breaker:   outgoing.Breaker(c.Breaker),
	})
}

// canary is the version of a service that gets a share of the calls. The zero value means that there is none.
func (c Config) canary(service string) (outgoing.Canary, error) {
	text, ok := c.Canary[service]
	if !ok {
		return outgoing.Canary{}, nil
	}
	canary, err := outgoing.ParseCanary(text)
	if err != nil {
		return outgoing.Canary{}, fmt.Errorf("canary: %w", err)
	}
	return canary, nil
}
