// Package registryetcd imports what a project with registry etcd imports, so that the Go tooling keeps its versions.
package registryetcd

import (
	_ "go.etcd.io/etcd/api/v3/etcdserverpb"
	_ "go.etcd.io/etcd/api/v3/mvccpb"
	_ "go.etcd.io/etcd/client/v3"
	_ "go.opentelemetry.io/otel"
	_ "go.opentelemetry.io/otel/attribute"
	_ "go.opentelemetry.io/otel/metric"
	_ "go.uber.org/zap"
	_ "google.golang.org/grpc"
	_ "google.golang.org/grpc/attributes"
	_ "google.golang.org/grpc/backoff"
	_ "google.golang.org/grpc/resolver"
)
