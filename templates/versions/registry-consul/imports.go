// Package registryconsul imports what a project with registry consul imports, so that the Go tooling keeps its versions.
package registryconsul

import _ "github.com/hashicorp/consul/api"
