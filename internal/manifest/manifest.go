// Package manifest reads svc.yaml, the few facts about a project that its contract can't tell.
package manifest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/svcgen/svc/internal/diag"
)

// FileName is the manifest's name at the root of a project.
const FileName = "svc.yaml"

// Version is the manifest format that this package reads and writes.
const Version = 1

// AllServices in an app's services stands for every service of the contract that the app does not call itself.
const AllServices = "*"

// Registries are the values that registry may have.
var Registries = []string{"etcd", "consul", "kubernetes", "mdns", "static", "none"}

// Manifest is a valid svc.yaml.
type Manifest struct {
	Name     string // of the project
	Module   string // Go module path
	Proto    Proto
	Registry string
	Layers   []Ref // concerns switched on
	Apps     []App // at least one
	Calls    []Calling
	Moved    []Move
}

// Move says that an rpc, a service or a package of the contract is what another name stood for before.
type Move struct {
	Old, New string // fully-qualified
	Pos      diag.Pos
}

// Proto says where the contract is: either source roots or a descriptor set, as slash-separated paths.
type Proto struct {
	Roots         []string // import roots, in order; every .proto below them is part of the contract
	DescriptorSet string   // a FileDescriptorSet that replaces Roots
}

// App is one binary of the project.
type App struct {
	Name     string
	Pos      diag.Pos
	Services []Ref // fully-qualified names, or AllServices
	Clients  []Ref // services that the app calls
}

// Ref is a name and the place in svc.yaml that says it.
type Ref struct {
	Name string
	Pos  diag.Pos
}

// Refs wraps names that no file says.
func Refs(names ...string) []Ref {
	refs := make([]Ref, len(names))
	for i, n := range names {
		refs[i].Name = n
	}
	return refs
}

// LayerNames returns the names of the layers that are switched on.
func (m *Manifest) LayerNames() []string { return names(m.Layers) }

// appName is what serves at once as a DNS label, an image, a chart, a folder and, upper-cased, an environment prefix.
var appName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// reservedNames are well-formed names that something else reads in its own way.
var reservedNames = map[string][]string{
	"YAML takes it for a boolean or null":              strings.Fields("true false null yes no on off y n"),
	"it is the registry's in compose.yaml":             {"etcd", "consul"},
	"Go takes a folder of that name for its own":       strings.Fields("vendor testdata internal"),
	"Windows takes a folder of that name for a device": strings.Fields("con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9"),
}

// CheckName says why name can't name a project or an app, or nil.
func CheckName(name string) error {
	if !appName.MatchString(name) {
		return fmt.Errorf("%q is not a name: use 1 to 40 of a-z, 0-9 and -, starting with a letter and not ending in -", name)
	}
	for why, names := range reservedNames {
		if slices.Contains(names, name) {
			return fmt.Errorf("%q can't be a name: %s", name, why)
		}
	}
	return nil
}

// standard are the first elements of the import paths of the standard library, which are Go's own.
var standard = strings.Fields(`archive bufio builtin bytes cmd cmp compress container context crypto database debug embed encoding errors
	expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices
	sort strconv strings structs sync syscall testing text time unicode unique unsafe vendor weak`)

// CheckModule says why p can't be a Go module path, or nil.
func CheckModule(p string) error {
	if err := module.CheckImportPath(p); err != nil {
		return fmt.Errorf("%q is not a module path: %w", p, err)
	}
	elems := strings.Split(p, "/")
	if slices.Contains(elems, "vendor") {
		return fmt.Errorf("%q can't be a module path: Go imports nothing from a vendor folder", p)
	}
	if slices.Contains(standard, elems[0]) {
		return fmt.Errorf("%q can't be a module path: %s is part of the standard library", p, elems[0])
	}
	if _, _, ok := module.SplitPathVersion(p); !ok {
		return fmt.Errorf("%q is not a module path: a major version suffix starts at /v2", p)
	}
	return nil
}

// CheckRegistry says why name is not a registry, or nil.
func CheckRegistry(name string) error {
	if !slices.Contains(Registries, name) {
		return fmt.Errorf("unknown registry %q: use one of %s", name, strings.Join(Registries, ", "))
	}
	return nil
}

// checkLocalPath keeps the contract inside, or near, the project: a relative, slash-separated path.
func checkLocalPath(p string) error {
	if p == "" || path.IsAbs(p) || strings.ContainsAny(p, "\\:") {
		return fmt.Errorf("%q is not a path relative to the project, written with slashes", p)
	}
	return nil
}

// NameFromModule derives a project name from a module path: its last element that is not a major version.
func NameFromModule(p string) string {
	prefix, _, _ := module.SplitPathVersion(p)
	return strings.ToLower(strings.ReplaceAll(path.Base(prefix), "_", "-"))
}
