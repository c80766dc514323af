// Package model is what templates see: the contract and the manifest as Go facts, with every Go
// identifier, import and path decided once. A model never changes after Build.
package model

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/tree"
)

// Project is the data of a template that is rendered once.
type Project struct {
	Name       string   // of the project, a DNS label
	Module     string   // Go module path
	Registry   string   // one of manifest.Registries
	GoVersion  string   // language version of the project, e.g. "1.26"
	ProtoRoots []string // nil when the contract is not in the project, or not in sources
	Apps       []*App
	Services   []*Service   // all of the contract, by full name
	Served     []*Service   // by an app, by full name
	Calls      []*Call      // services that apps call, in the order of the manifest
	Imports    []Import     // what gen/clients needs to make Calls
	Stubs      []Stub       // how each file of the contract maps to Go, by file
	Features   []string     // what the contract needs of go.mod beyond the core, sorted
	ThirdParty []ThirdParty // what the contract imports from others and other compilers don't have built in, by file

	// Warnings are findings that don't stop a run.
	Warnings diag.Set

	layers map[string]bool
}

// Has reports whether a layer is switched on.
func (p *Project) Has(layer string) bool { return p.layers[layer] }

// Discovers reports whether the registry knows where services are.
func (p *Project) Discovers() bool { return p.Registry != "none" }

// Registers reports whether apps list themselves in the registry.
func (p *Project) Registers() bool {
	return p.Discovers() && p.Registry != "static" && p.Registry != "kubernetes"
}

// Authenticates reports whether the registry is a server, which may ask who an app is.
func (p *Project) Authenticates() bool { return p.Registry == "etcd" || p.Registry == "consul" }

// HasRequired reports whether any method takes requests that can't be empty.
func (p *Project) HasRequired() bool {
	for _, s := range p.Services {
		for _, m := range s.Methods {
			if m.Required {
				return true
			}
		}
	}
	return false
}

// Shapes lists the contract's methods, by full name, with their shape.
func (p *Project) Shapes() map[string]string {
	shapes := map[string]string{}
	for _, s := range p.Services {
		for _, m := range s.Methods {
			shapes[m.FullName] = m.Shape
		}
	}
	return shapes
}

// AppOf returns the first app that serves a service; nil for one that is served elsewhere.
func (p *Project) AppOf(s *Service) *App {
	for _, a := range p.Apps {
		if slices.Contains(a.Services, s) {
			return a
		}
	}
	return nil
}

// App is the data of a template that is rendered for each app.
type App struct {
	Project   *Project
	Name      string // a DNS label
	EnvPrefix string // prefix of the app's environment variables, e.g. "MY_SHOP"
	Services  []*Service
	Clients   []*Service
	Wired     []Wired  // Services, with the names that gen/wire uses
	Imports   []Import // what gen/wire needs for Wired
}

// Wired is a served service as gen/wire names it.
type Wired struct {
	*Service
	StubAlias, HandlerAlias string
}

// Call is a called service as gen/clients names it.
type Call struct {
	*Service
	Field                  string // in struct Clients
	StubAlias, ClientAlias string
}

// Service is the data of a template that is rendered for each service.
type Service struct {
	Project    *Project
	Name       string   // Go name, e.g. "Catalog"
	FullName   string   // as in the contract, e.g. "shop.v1.Catalog"
	Doc        []string // the leading comment, a line each
	Deprecated bool
	Methods    []*Method
	Stub       Package // of protoc-gen-go and protoc-gen-go-grpc
	Handler    Handler
	Client     Package
	Imports    []Import // of message packages other than Stub
	Pos        diag.Pos
}

// HasKind reports whether the service has a method of that kind.
func (s *Service) HasKind(kind string) bool {
	for _, m := range s.Methods {
		if m.Kind == kind {
			return true
		}
	}
	return false
}

// Package is a Go package of the project.
type Package struct {
	Path string // import path
	Dir  string // relative to the project
	Name string
}

// Handler is where and how a service is implemented.
type Handler struct {
	Package
	Type string // of the implementation
	File string // its file below Dir, without .go
}

// The kinds of methods.
const (
	Unary        = "unary"
	ServerStream = "server_stream"
	ClientStream = "client_stream"
	BidiStream   = "bidi_stream"
)

// Method is one rpc.
type Method struct {
	Service    *Service
	Name       string // Go name
	ProtoName  string
	FullName   string // e.g. "shop.v1.Catalog.GetProduct"
	Kind       string // Unary, ServerStream, ClientStream or BidiStream
	Input      string // Go type as the handler's file names it, e.g. "pb.GetProductRequest"
	Output     string
	Doc        []string
	Idempotent bool // idempotency_level allows a retry
	Calling
	Deprecated bool
	Shape      string // its kind and types, as the contract names them: "unary shop.v1.GetRequest shop.v1.Product"
	Required   bool   // an empty request can't be sent: it has fields that proto2 requires
}

// ThirdParty is the data of a template that is rendered for each file that the contract imports from others.
type ThirdParty struct {
	File   string // import path, e.g. "google/api/http.proto"
	Source string
}

// ThirdPartyDirs are the folders of ThirdParty's files, sorted.
func (p *Project) ThirdPartyDirs() []string {
	var dirs []string
	for _, t := range p.ThirdParty {
		top, _, _ := strings.Cut(t.File, "/")
		if dir := path.Join(tree.ThirdPartyDir, top); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// ThirdPartyBelow reports whether a root of the contract holds the folder of ThirdParty, which is no part of it.
func (p *Project) ThirdPartyBelow(root string) bool {
	root = path.Clean(root)
	return len(p.ThirdParty) > 0 && (root == "." || strings.HasPrefix(tree.ThirdPartyDir, root+"/"))
}

// Import is a Go import under the name that a file uses for it.
type Import struct {
	Alias, Path string

	told bool // the path says the name
}

// String writes the import as gofmt and its readers expect it: the name only where the path does not say it.
func (i Import) String() string {
	if i.told {
		return strconv.Quote(i.Path)
	}
	return i.Alias + " " + strconv.Quote(i.Path)
}

// In reports whether the import is of a module's own package.
func (i Import) In(module string) bool { return strings.HasPrefix(i.Path, module+"/") }

// Stub maps a file of the contract to the Go package that its stubs are in.
type Stub struct {
	File    string // import path of the .proto
	Package Package
	// Explicit is true when go_package says the same by itself, so that protoc-gen-go needs no M option.
	Explicit bool
}
