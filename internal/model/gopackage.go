package model

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/module"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/tree"
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
		if own[f.GetName()] {
			b.checkFileName(f.GetName())
		}
		files[f.GetName()] = b.goFile(f, own[f.GetName()])
	}
	b.nameGoPackages(files)
	b.checkImportCycles(files)
	return files
}

// checkFileName refuses names that the plugins or Go take for something else.
func (b *builder) checkFileName(name string) {
	base := path.Base(name)
	stem, _, _ := strings.Cut(strings.TrimSuffix(base, ".proto"), ".")
	problem := ""
	switch err := tree.CheckPath(name); {
	case err != nil:
		problem = err.Error()
	case !utf8.ValidString(name), strings.ContainsAny(name, ",="):
		problem = fmt.Sprintf("%q can't be told to a plugin: it holds a comma, an equals sign or what is not UTF-8", name)
	case strings.HasPrefix(base, "_"), strings.HasPrefix(base, "."):
		problem = fmt.Sprintf("protoc-gen-go would emit %s.pb.go, which Go leaves out because of its beginning", stem)
	case constrained(stem):
		problem = fmt.Sprintf("protoc-gen-go would emit %s.pb.go, which Go leaves out on most systems because of its ending", stem)
	}
	if problem != "" {
		b.found.At(b.contract.Pos(name, 1, 1), "rename the file", "%s", problem)
	}
}

func (b *builder) goFile(f *descriptorpb.FileDescriptorProto, own bool) *goFile {
	importPath, name, _ := strings.Cut(f.GetOptions().GetGoPackage(), ";")
	const options, goPackage = 8, 11 // field numbers of FileDescriptorProto.options and FileOptions.go_package
	g := &goFile{proto: f, pos: b.place(f, options, goPackage)}
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

// place is where a file says what is at a path of its descriptor, or its first line.
func (b *builder) place(f *descriptorpb.FileDescriptorProto, descriptorPath ...int32) diag.Pos {
	for _, loc := range f.GetSourceCodeInfo().GetLocation() {
		if slices.Equal(loc.Path, descriptorPath) && len(loc.Span) > 1 {
			return b.contract.Pos(f.GetName(), int(loc.Span[0])+1, int(loc.Span[1])+1)
		}
	}
	return b.contract.Pos(f.GetName(), 1, 1)
}

// emittedDirs are those that templates put Go packages into.
var emittedDirs = []string{"cmd", "gen/clients", "gen/wire", "internal/platform", "internal/service", "pkg/client"}

func (b *builder) checkGoPackage(g *goFile) {
	elems := strings.Split(g.pkg.Dir, "/")
	switch i := slices.Index(elems, "internal"); {
	case module.CheckImportPath(g.pkg.Path) != nil:
		b.found.At(g.pos, "", "go_package: %v", module.CheckImportPath(g.pkg.Path))
	case i > 0:
		b.found.At(g.pos, "move it, or leave go_package out", "go_package %s can't be imported from the rest of the module: it is below an internal folder", g.pkg.Path)
	case !strings.ContainsAny(g.pkg.Path, "./"):
		b.found.At(g.pos, "add a folder to it, or leave go_package out", "go_package %s: protoc-gen-go takes no package at the root of a module that has neither a dot nor a slash", g.pkg.Path)
	case path.Base(g.pkg.Path) == "init":
		b.found.At(g.pos, "choose another folder", "go_package %s: protoc-gen-go can't import a package called init", g.pkg.Path)
	case slices.ContainsFunc(elems, leftOut):
		b.found.At(g.pos, "move it, or leave go_package out", "go_package %s is in a folder that Go leaves out", g.pkg.Path)
	case slices.ContainsFunc(emittedDirs, func(dir string) bool { return g.pkg.Dir == dir || strings.HasPrefix(g.pkg.Dir, dir+"/") }):
		b.found.At(g.pos, "choose another folder", "go_package %s is where svc puts packages of its own", g.pkg.Path)
	}
}

// leftOut reports whether Go passes over a folder below a module's root, or svc and git keep what is theirs in it.
func leftOut(elem string) bool {
	return elem == "vendor" || elem == "testdata" || elem != "." && strings.HasPrefix(elem, ".") || strings.HasPrefix(elem, "_")
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

// use is an import that makes one Go package import another.
type use struct {
	from, to *goFile
	pos      diag.Pos
}

// checkImportCycles finds Go packages that would import each other although their files don't.
func (b *builder) checkImportCycles(files map[string]*goFile) {
	uses := map[string][]use{}
	for _, f := range b.request.ProtoFile {
		from := files[f.GetName()]
		for i, dep := range f.Dependency {
			if to := files[dep]; to != nil && to.pkg.Path != from.pkg.Path && !to.public {
				const dependency = 3 // field number of FileDescriptorProto.dependency
				uses[from.pkg.Path] = append(uses[from.pkg.Path], use{from, to, b.place(f, dependency, int32(i))})
			}
		}
	}
	done := map[string]bool{}
	var visit func(p string, trail []use)
	visit = func(p string, trail []use) {
		if i := slices.IndexFunc(trail, func(u use) bool { return u.from.pkg.Path == p }); i >= 0 {
			b.reportCycle(trail[i:])
		} else if !done[p] {
			for _, u := range uses[p] {
				visit(u.to.pkg.Path, append(trail, u))
			}
		}
		done[p] = true
	}
	for _, f := range b.request.ProtoFile {
		visit(files[f.GetName()].pkg.Path, nil)
	}
}

func (b *builder) reportCycle(cycle []use) {
	var steps []string
	for _, u := range cycle {
		steps = append(steps, fmt.Sprintf("%s imports %s (%s)", u.from.pkg.Path, u.to.pkg.Path, u.pos))
	}
	b.found.At(cycle[len(cycle)-1].pos, "split the proto packages, or give the files go_package options",
		"the Go packages of the contract would import each other: %s", strings.Join(steps, ", "))
}

// Parameter is the plugin parameter that makes protoc-gen-go and protoc-gen-go-grpc follow the stubs' mapping.
func Parameter(stubs []Stub) string {
	params := make([]string, 0, len(stubs))
	for _, s := range stubs {
		params = append(params, fmt.Sprintf("M%s=%s;%s", s.File, s.Package.Path, s.Package.Name))
	}
	return strings.Join(params, ",")
}
