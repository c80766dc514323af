package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/acme/shop/internal/platform/balancing"
	"github.com/acme/shop/internal/platform/outgoing"
)

// validate reads what is said about calls to other services as those who make them will.
func (c Client) validate() error {
	errs := []error{
		eachService("client.targets", c.Targets, checkTarget),
		eachService("client.balancing", c.Balancing, func(text string) error { _, err := balancing.Config(text, 0); return err }),
		eachService("client.canary", c.Canary, func(text string) error { _, err := outgoing.ParseCanary(text); return err }),
		c.checkSubset(),
		check(c.Breaker.Ratio >= 0 && c.Breaker.Ratio <= 1, "client.breaker.ratio", c.Breaker.Ratio, "must be from 0 to 1"),
		check(c.Breaker.MinCalls > 0, "client.breaker.min_calls", c.Breaker.MinCalls, "must be at least 1"),
		check(c.Breaker.Pause > 0, "client.breaker.pause", c.Breaker.Pause, "must be more than 0s"),
	}
	for _, key := range c.Propagate {
		if err := outgoing.CheckKey(key); err != nil {
			errs = append(errs, fmt.Errorf("client.propagate: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (c Client) checkSubset() error {
	if _, err := balancing.Config(balancing.RoundRobin, c.Subset); err != nil {
		return fmt.Errorf("client.subset: %w", err)
	}
	return nil
}

// eachService checks the values of a key that has one for each service.
func eachService(key string, values map[string]string, check func(string) error) error {
	var errs []error
	for _, service := range slices.Sorted(maps.Keys(values)) {
		if err := check(values[service]); err != nil {
			errs = append(errs, fmt.Errorf("%s.%s: %w", key, service, err))
		}
	}
	return errors.Join(errs...)
}

var errNoTarget = errors.New("must be a gRPC target, such as dns:///payments:9090")

// checkTarget has gRPC read a target. It does not connect.
func checkTarget(target string) error {
	if target == "" {
		return errNoTarget
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("%w: %w", errNoTarget, err)
	}
	return conn.Close()
}
