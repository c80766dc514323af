package protoload

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
)

// Sources finds the import roots and import paths of .proto files and folders that a user names.
// A folder is an import root, unless it lies below one of roots, or its files import each other relative to a folder above
// it that their proto package leads to; a file's root is one of roots, or the folder that its proto package leads to, or
// its own folder.
func Sources(named, roots []string) (Source, error) {
	src := Source{Roots: slices.Clone(roots)}
	for _, name := range named {
		info, err := os.Stat(name)
		if err != nil {
			return Source{}, err
		}
		files, root := []string{name}, ""
		if info.IsDir() {
			if files, err = filesBelow(name); err != nil {
				return Source{}, err
			}
			root = folderRoot(name, files)
			if len(files) == 0 {
				return Source{}, fmt.Errorf("%s: no .proto file below it", name)
			}
		}
		if err := src.add(files, root); err != nil {
			return Source{}, err
		}
	}
	return src, nil
}

func filesBelow(dir string) ([]string, error) {
	names, err := Files(dir)
	for i, n := range names {
		names[i] = filepath.Join(dir, filepath.FromSlash(n))
	}
	return names, err
}

func (src *Source) add(files []string, root string) error {
	for _, file := range files {
		importPath, ok := src.importPath(file)
		if !ok {
			r := root
			if r == "" {
				r = packageRoot(file)
			}
			src.Roots = append(src.Roots, filepath.ToSlash(r))
			if importPath, ok = src.importPath(file); !ok {
				return fmt.Errorf("%s is not below %s", file, r)
			}
		}
		if err := src.alone(importPath, file); err != nil {
			return err
		}
		if !Builtin(importPath) && !slices.Contains(src.Files, importPath) {
			src.Files = append(src.Files, importPath)
		}
	}
	return nil
}

// alone checks that no other root has a file of the same import path, which would be compiled in place of this one.
func (src *Source) alone(importPath, file string) error {
	first, ok := src.find(importPath)
	if !ok {
		return nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if other, err := os.Stat(filepath.FromSlash(first)); err == nil && !os.SameFile(info, other) {
		return fmt.Errorf("%s and %s are both %s below their import roots: keep one of them", first, filepath.ToSlash(file), importPath)
	}
	return nil
}

// importPath is a file's path relative to the first root that holds it.
func (src *Source) importPath(file string) (string, bool) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", false
	}
	for _, root := range src.Roots {
		absRoot, err := filepath.Abs(filepath.FromSlash(root))
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(absRoot, abs); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel), true
		}
	}
	return "", false
}

// folderRoot is the import root of a folder that somebody names: the folder, unless what its files import is not below it,
// but is below the folder that their proto package leads to.
func folderRoot(dir string, files []string) string {
	for _, file := range files {
		root := packageRoot(file)
		if !above(root, dir) {
			continue
		}
		for _, name := range imports(file) {
			if !exists(dir, name) && exists(root, name) {
				return root
			}
		}
	}
	return dir
}

// above reports whether a folder is one of those that another is in.
func above(upper, lower string) bool {
	absUpper, err := filepath.Abs(upper)
	if err != nil {
		return false
	}
	absLower, err := filepath.Abs(lower)
	if err != nil {
		return false
	}
	inside, err := filepath.Rel(absUpper, absLower)
	return err == nil && inside != "." && filepath.IsLocal(inside)
}

func exists(root, importPath string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(importPath)))
	return err == nil
}

// packageRoot is the folder that a file's proto package is relative to, or the file's own folder
// when the package does not follow the folders. A file that doesn't parse is reported when it is compiled.
func packageRoot(file string) string {
	dir := filepath.Dir(file)
	packageDir := packageDir(file)
	abs, err := filepath.Abs(dir)
	if packageDir == "" || err != nil || !strings.HasSuffix(filepath.ToSlash(abs), "/"+packageDir) {
		return dir
	}
	up := strings.Repeat("../", strings.Count(packageDir, "/")+1)
	return filepath.Join(dir, filepath.FromSlash(up))
}

// packageDir is the folder that a file's proto package asks for, empty for none.
func packageDir(file string) (dir string) {
	node := parse(file)
	if node == nil {
		return ""
	}
	for _, decl := range node.Decls {
		if p, ok := decl.(*ast.PackageNode); ok {
			dir = strings.ReplaceAll(string(p.Name.AsIdentifier()), ".", "/")
		}
	}
	return dir
}

// imports are those of a file, as far as it can be read.
func imports(file string) (names []string) {
	node := parse(file)
	if node == nil {
		return nil
	}
	for _, decl := range node.Decls {
		if imp, ok := decl.(*ast.ImportNode); ok {
			names = append(names, imp.Name.AsString())
		}
	}
	return names
}

// parse returns what can be read of a file, or nil. What can't is reported when the file is compiled; so is what the
// parser panics on.
func parse(file string) (node *ast.FileNode) {
	r, err := openSource(file)
	if err != nil {
		return nil
	}
	defer r.Close()
	defer func() {
		if recover() != nil {
			node = nil
		}
	}()
	silent := reporter.NewHandler(reporter.NewReporter(func(reporter.ErrorWithPos) error { return nil }, nil))
	node, _ = parser.Parse(file, r, silent)
	return node
}

// Contents reads the sources of a contract that was loaded from src, by import path. Copies of built-in files are part of
// it: they may say what svc's own don't. Those of google/protobuf are not: every compiler has its own.
func (src Source) Contents(ctx context.Context, c *Contract) (map[string][]byte, error) {
	contents := map[string][]byte{}
	for name := range c.Paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if strings.HasPrefix(name, wellKnown) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(src.Dir, filepath.FromSlash(src.display(name))))
		if err != nil {
			return nil, err
		}
		contents[name] = content
	}
	return contents, nil
}

// Services lists the fully-qualified names of the services that a contract declares, sorted.
func (c *Contract) Services() []string {
	var names []string
	for _, f := range c.Request.ProtoFile {
		if !slices.Contains(c.Request.FileToGenerate, f.GetName()) {
			continue
		}
		for _, s := range f.Service {
			names = append(names, strings.TrimPrefix(f.GetPackage()+"."+s.GetName(), "."))
		}
	}
	slices.Sort(names)
	return names
}
