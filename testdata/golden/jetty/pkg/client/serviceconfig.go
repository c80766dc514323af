package client

import (
	"cmp"
	"encoding/json"
	"fmt"

	_ "google.golang.org/grpc/health" // has connections ask instances for their health

	"example.com/jetty/internal/platform/balancing"
)

// everyService in Balancing stands for the services that it doesn't name.
const everyService = "*"

// serviceConfig adds to what a contract asks for which of a service's instances are called: those that say they are
// serving, in the way that c says. An instance without a health service counts as serving. Instances are asked for the
// health of the whole server, which all health services know, as opposed to that of the service.
func (c Config) serviceConfig(service, contract string) (string, error) {
	config := map[string]any{}
	if err := json.Unmarshal([]byte(contract), &config); err != nil {
		return "", fmt.Errorf("service config: %w", err)
	}
	balancer, err := balancing.Config(c.policy(service), c.Subset)
	if err != nil {
		return "", fmt.Errorf("balancing: %w", err)
	}
	canary, err := c.canary(service)
	if err != nil {
		return "", err
	}
	if canary.Version != "" {
		balancer = balancing.ByVersion(canary.Version, balancer)
	}
	config["loadBalancingConfig"] = []any{balancer}
	config["healthCheckConfig"] = map[string]any{"serviceName": ""}
	complete, err := json.Marshal(config)
	return string(complete), err
}

// policy is how calls are spread over the instances of a service.
func (c Config) policy(service string) string {
	return cmp.Or(c.Balancing[service], c.Balancing[everyService])
}
