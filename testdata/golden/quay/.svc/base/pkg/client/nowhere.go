package client

import (
	"fmt"

	"google.golang.org/grpc/resolver"
)

const nowhereScheme = "nowhere"

// nowhere lets an app start although a service that it calls can't be found: the calls fail, and say why.
func nowhere(service, reason string) (string, []resolver.Builder) {
	err := fmt.Errorf("%s can't be found: %s", service, reason)
	return nowhereScheme + ":///" + service, []resolver.Builder{nowhereBuilder{err}}
}

type nowhereBuilder struct{ err error }

func (nowhereBuilder) Scheme() string { return nowhereScheme }

func (b nowhereBuilder) Build(_ resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	conn.ReportError(b.err)
	return nowhereResolver{}, nil
}

type nowhereResolver struct{}

func (nowhereResolver) ResolveNow(resolver.ResolveNowOptions) {}
func (nowhereResolver) Close()                                {}
