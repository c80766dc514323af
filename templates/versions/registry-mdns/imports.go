// Package registrymdns imports what a project with registry mdns imports, so that the Go tooling keeps its versions.
package registrymdns

import (
	_ "github.com/hashicorp/mdns"
	_ "github.com/miekg/dns"
	_ "golang.org/x/net/ipv4"
)
