// Package templates holds the layers that svc emits projects from. A layer is a folder; the files in it
// stand at the path that they will have in a project.
package templates

import "embed"

// FS has a folder for each layer.
//
//go:embed all:access all:core all:discovery all:docker all:helm all:outlier all:project all:registration all:registry-consul all:registry-etcd all:registry-kubernetes all:registry-mdns all:registry-none all:registry-static
var FS embed.FS
