package protoload

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
)

// Sources finds the import roots and import paths of .proto files and folders that a user names.
// A folder is an import root, unless it lies below one of roots; a file's root is one of roots,
// or the folder that its proto package leads to, or its own folder.
func Sources(named, roots []string) (Source, error) {
	src := Source{Roots: slices.Clone(roots)}
	for _, name := range named {
		info, err := os.Stat(name)
		if err != nil {
			return Source{}, err
		}
		files, root := []string{name}, ""
		if info.IsDir() {
			root = name
			if files, err = filesBelow(name); err != nil {
				return Source{}, err
			}
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
		if !Builtin(importPath) && !slices.Contains(src.Files, importPath) {
			src.Files = append(src.Files, importPath)
		}
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

// packageRoot is the folder that a file's proto package is relative to, or the file's own folder
// when the package does not follow the folders. A file that doesn't parse is reported when it is compiled.
func packageRoot(file string) string {
	dir := filepath.Dir(file)
	packageDir := ""
	if node := parse(file); node != nil {
		for _, decl := range node.Decls {
			if p, ok := decl.(*ast.PackageNode); ok {
				packageDir = strings.ReplaceAll(string(p.Name.AsIdentifier()), ".", "/")
			}
		}
	}
	slashed := filepath.ToSlash(dir)
	if packageDir == "" || slashed != packageDir && !strings.HasSuffix(slashed, "/"+packageDir) {
		return dir
	}
	root := strings.TrimSuffix(strings.TrimSuffix(slashed, packageDir), "/")
	if root == "" && !path.IsAbs(slashed) {
		root = "."
	}
	return filepath.FromSlash(root)
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
