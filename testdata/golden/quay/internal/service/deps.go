// Package service holds the handlers of the services, one package below it per proto package.
package service

import "example.com/quay/gen/clients"

// Deps is what handlers work with. Add what yours need (a database pool, a cache), and fill it in cmd/<app>/main.go.
type Deps struct {
	// Clients call the services that svc.yaml lists under clients.
	Clients clients.Clients
}
