package model

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/svcgen/svc/internal/diag"
)

// goFile is where one file of the contract lands in Go.
type goFile struct {
	proto    *descriptorpb.FileDescriptorProto
	pkg      Package
	explicit bool // go_package says so by itself
	public   bool // not generated here: it has a Go package elsewhere
	pos      diag.Pos
}

// goFiles decides the Go package of each file: go_package where it lies inside the module, a folder of gen/ otherwise.
func (b *builder) goFiles() map[string]*goFile {
	own := map[string]bool{}
	for _, f := range b.request.FileToGenerate {
		own[f] = true
	}
	files := map[string]*goFile{}
	for _, f := range b.request.ProtoFile {
		files[f.GetName()] = b.goFile(f, own[f.GetName()])
	}
	b.nameGoPackages(files)
	b.checkImportCycles(files)
	return files
}

func (b *builder) goFile(f *descriptorpb.FileDescriptorProto, own bool) *goFile {
	importPath, name, _ := strings.Cut(f.GetOptions().GetGoPackage(), ";")
	g := &goFile{proto: f, pos: b.optionPos(f)}
	switch dir, inside := b.insideModule(importPath); {
	case inside:
		g.explicit = true
		g.pkg = Package{Path: importPath, Dir: dir, Name: name}
		if name == "" {
			g.pkg.Name = identifier(path.Base(importPath))
		}
		b.checkGoPackage(g)
	case !own && importPath != "":
		g.public = true
		g.pkg = Package{Path: importPath, Name: name}
		if name == "" {
			g.pkg.Name = identifier(path.Base(importPath))
		}
	default:
		dir := path.Join("gen", packageDir(f.GetPackage(), f.GetName()))
		g.pkg = Package{Path: b.manifest.Module + "/" + dir, Dir: dir, Name: name}
	}
	return g
}

func (b *builder) insideModule(importPath string) (dir string, inside bool) {
	if importPath == b.manifest.Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, b.manifest.Module+"/")
}

// optionPos is where a file says its go_package, or its first line.
func (b *builder) optionPos(f *descriptorpb.FileDescriptorProto) diag.Pos {
	const options, goPackage = 8, 11 // field numbers of FileDescriptorProto.options and FileOptions.go_package
	for _, loc := range f.GetSourceCodeInfo().GetLocation() {
		if slices.Equal(loc.Path, []int32{options, goPackage}) {
			return b.contract.Pos(f.GetName(), int(loc.Span[0])+1, int(loc.Span[1])+1)
		}
	}
	return b.contract.Pos(f.GetName(), 1, 1)
}

func (b *builder) checkGoPackage(g *goFile) {
	elems := strings.Split(g.pkg.Dir, "/")
	switch i := slices.Index(elems, "internal"); {
	case module.CheckImportPath(g.pkg.Path) != nil:
		b.found.At(g.pos, "", "go_package: %v", module.CheckImportPath(g.pkg.Path))
	case i > 0:
		b.found.At(g.pos, "move it, or leave go_package out", "go_package %s can't be imported from the rest of the module: it is below an internal folder", g.pkg.Path)
	case slices.Contains(elems, "vendor"), slices.Contains(elems, "testdata"):
		b.found.At(g.pos, "move it, or leave go_package out", "go_package %s is in a folder that Go leaves out", g.pkg.Path)
	case elems[0] == "gen" && len(elems) > 1 && (elems[1] == "wire" || elems[1] == "clients"):
		b.found.At(g.pos, "choose another folder", "go_package %s is where svc keeps its wiring", g.pkg.Path)
	}
}

// nameGoPackages gives all files of one Go package one package name. A folder of gen/ takes the name
// that its files agree on; without one it gets its own.
func (b *builder) nameGoPackages(files map[string]*goFile) {
	byPath := map[string][]*goFile{}
	for _, f := range b.request.ProtoFile {
		g := files[f.GetName()]
		byPath[g.pkg.Path] = append(byPath[g.pkg.Path], g)
	}
	for _, f := range b.request.ProtoFile {
		if group := byPath[files[f.GetName()].pkg.Path]; group[0].proto == f && !group[0].public {
			b.nameGoPackage(group)
		}
	}
}

func (b *builder) nameGoPackage(group []*goFile) {
	var named *goFile
	conflict := false
	for _, g := range group {
		switch {
		case g.pkg.Name == "":
		case named == nil:
			named = g
		case named.pkg.Name != g.pkg.Name && (named.explicit || g.explicit):
			b.found.At(g.pos, "give both files one package name", "Go package %s is called %s here and %s at %s", g.pkg.Path, g.pkg.Name, named.pkg.Name, named.pos)
			return
		case named.pkg.Name != g.pkg.Name:
			conflict = true
		}
	}
	name := packageName(group[0].pkg.Dir[max(0, strings.IndexByte(group[0].pkg.Dir, '/')+1):])
	if named != nil && !conflict && usableName(named.pkg.Name) {
		name = named.pkg.Name
	} else if named != nil && named.explicit {
		b.found.At(named.pos, "choose another name after the ;", "go_package %s: a package called %s can't be imported", named.pkg.Path, named.pkg.Name)
	}
	for _, g := range group {
		g.pkg.Name = name
	}
}

func usableName(name string) bool {
	return identifier(name) == name && name != "main" && name != "_" && packageName(name) != name+"pb" && !strings.HasSuffix(name, "_test")
}

// checkImportCycles finds Go packages that would import each other although their files don't.
func (b *builder) checkImportCycles(files map[string]*goFile) {
	const visiting, done = 1, 2
	state := map[string]int{}
	uses := map[string][]*goFile{}
	for _, f := range b.request.ProtoFile {
		g := files[f.GetName()]
		for _, dep := range f.Dependency {
			if d := files[dep]; d != nil && d.pkg.Path != g.pkg.Path && !d.public {
				uses[g.pkg.Path] = append(uses[g.pkg.Path], d)
			}
		}
	}
	var visit func(p string, trail []string)
	visit = func(p string, trail []string) {
		state[p] = visiting
		trail = append(trail, p)
		for _, d := range uses[p] {
			switch state[d.pkg.Path] {
			case visiting:
				cycle := append(slices.Clone(trail[slices.Index(trail, d.pkg.Path):]), d.pkg.Path)
				b.found.At(d.pos, "split the proto packages, or give the files go_package options", "the Go packages of the contract would import each other: %s", strings.Join(cycle, " → "))
			case done:
			default:
				visit(d.pkg.Path, trail)
			}
		}
		state[p] = done
	}
	for _, f := range b.request.ProtoFile {
		if p := files[f.GetName()].pkg.Path; state[p] == 0 {
			visit(p, nil)
		}
	}
}

// Parameter is the plugin parameter that makes protoc-gen-go and protoc-gen-go-grpc follow the stubs' mapping.
func Parameter(stubs []Stub) string {
	params := make([]string, 0, len(stubs))
	for _, s := range stubs {
		params = append(params, fmt.Sprintf("M%s=%s;%s", s.File, s.Package.Path, s.Package.Name))
	}
	return strings.Join(params, ",")
}
