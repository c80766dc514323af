// Package greeterclient connects to the service quay.v1.Greeter.
package greeterclient

import (
	"google.golang.org/grpc"

	pb "example.com/quay/gen/quay/v1"
	"example.com/quay/pkg/client"
)

// Service is the name that the service is found by.
const Service = "quay.v1.Greeter"

// serviceConfig follows the contract, and what svc.yaml says about calls: unary calls have a deadline, which a shorter one
// of the caller's overrides, and methods that declare themselves safe to repeat are retried while the service is
// unavailable, as long as most calls succeed.
// See https://github.com/grpc/grpc/blob/master/doc/service_config.md.
const serviceConfig = `{
  "methodConfig": [
    {
      "name": [
        {"service": "quay.v1.Greeter", "method": "SayHello"}
      ],
      "timeout": "5s",
      "retryPolicy": {
        "maxAttempts": 3,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    }
  ],
  "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}
}`

// Dial returns a client of the service, found as cfg says, and the connection that it uses, which the caller closes.
func Dial(cfg client.Config, opts ...grpc.DialOption) (pb.GreeterClient, *grpc.ClientConn, error) {
	conn, err := client.Dial(cfg, Service, serviceConfig, opts...)
	if err != nil {
		return nil, nil, err
	}
	return pb.NewGreeterClient(conn), conn, nil
}
