// Package registrykubernetes imports what a project with registry kubernetes imports, so that the Go tooling keeps its
// versions.
package registrykubernetes

import (
	_ "k8s.io/api/discovery/v1"
	_ "k8s.io/apimachinery/pkg/api/errors"
	_ "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "k8s.io/apimachinery/pkg/runtime"
	_ "k8s.io/apimachinery/pkg/runtime/serializer"
	_ "k8s.io/apimachinery/pkg/util/net"
	_ "k8s.io/apimachinery/pkg/watch"
	_ "k8s.io/client-go/rest"
)
