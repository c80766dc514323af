package render

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"path"
	"slices"
	"strconv"

	"golang.org/x/mod/module"
)

// gofmt formats a Go file and drops the imports that it doesn't use: a template lists all that it may need.
// The file is parsed and printed once.
func gofmt(src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	pruneImports(fset, file)
	ast.SortImports(fset, file)
	// The mode is that of gofmt; normalizing numbers is not exported by go/printer.
	const normalizeNumbers = 1 << 30
	var out bytes.Buffer
	config := printer.Config{Mode: printer.UseSpaces | printer.TabIndent | normalizeNumbers, Tabwidth: 8}
	if err := config.Fprint(&out, fset, file); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n'), nil
}

// pruneImports removes unused imports together with their lines and comments.
func pruneImports(fset *token.FileSet, file *ast.File) {
	used := usedNames(file)
	unused := func(spec ast.Spec) bool {
		name := importName(spec.(*ast.ImportSpec))
		return name != "_" && name != "." && !used[name]
	}
	var gone []*ast.ImportSpec
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.IMPORT {
			continue
		}
		for _, spec := range d.Specs {
			if unused(spec) {
				gone = append(gone, spec.(*ast.ImportSpec))
			}
		}
		d.Specs = slices.DeleteFunc(d.Specs, unused)
	}
	file.Decls = slices.DeleteFunc(file.Decls, func(decl ast.Decl) bool {
		d, ok := decl.(*ast.GenDecl)
		return ok && d.Tok == token.IMPORT && len(d.Specs) == 0
	})
	file.Comments = slices.DeleteFunc(file.Comments, func(c *ast.CommentGroup) bool {
		return slices.ContainsFunc(gone, func(spec *ast.ImportSpec) bool { return c == spec.Doc || c == spec.Comment })
	})
	mergeLines(fset.File(file.Package), gone)
}

// mergeLines takes away the lines of imports that are gone, which would stay as blank lines.
func mergeLines(file *token.File, gone []*ast.ImportSpec) {
	var lines []int
	for _, spec := range gone {
		lines = append(lines, file.Line(spec.Pos()))
	}
	slices.Sort(lines)
	for _, line := range slices.Backward(slices.Compact(lines)) {
		if line < file.LineCount() {
			file.MergeLine(line)
		}
	}
}

// usedNames are the identifiers that something is selected from.
func usedNames(file *ast.File) map[string]bool {
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	return used
}

// importName is the name that an import declares. Templates name an import whose package is not called like its path.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	importPath, _ := strconv.Unquote(spec.Path.Value)
	prefix, _, _ := module.SplitPathVersion(importPath)
	return path.Base(prefix)
}
