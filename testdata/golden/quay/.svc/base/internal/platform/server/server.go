// Package server makes the gRPC server: limits, keepalive, telemetry and interceptors.
package server

import (
	"log/slog"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"example.com/quay/internal/platform/config"
	"example.com/quay/internal/platform/interceptor"
)

const (
	maxHeaderBytes    = 64 << 10 // grpc-go's own default is about to shrink to 8 KiB, too little for large tokens
	connectionTimeout = 20 * time.Second
	maxIdle           = 15 * time.Minute // unused connections are closed after this
	pingAfter         = 30 * time.Second // without traffic, to find out whether the peer is still there
	pingTimeout       = 10 * time.Second
	minPingInterval   = 10 * time.Second // callers that ping more often are cut off
)

// New returns a server that is ready for services to be registered. extra options come after, and so win over, its own.
func New(cfg config.GRPC, log *slog.Logger, extra ...grpc.ServerOption) *grpc.Server {
	options := []grpc.ServerOption{
		grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithFilter(filters.Not(filters.HealthCheck())))),
		grpc.MaxRecvMsgSize(cfg.MaxMessageBytes),
		grpc.MaxSendMsgSize(cfg.MaxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(cfg.MaxStreams),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: maxIdle,
			MaxConnectionAge:  cfg.MaxConnectionAge,
			Time:              pingAfter,
			Timeout:           pingTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             minPingInterval,
			PermitWithoutStream: true,
		}),
	}
	options = append(options, interceptor.Chain(log, cfg.Timeout)...)
	return grpc.NewServer(append(options, extra...)...)
}
