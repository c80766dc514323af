package engine

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"

	"github.com/svcgen/svc/internal/merge"
)

// reading is what check finds in a file.
type reading struct {
	tokens    []string // of the owner's lines
	functions []string // that a Go file declares, with its package and their receivers
	err       error
}

// read reads a file, unless it did before: most files stay as they were from one generation to the next.
func (s *sequence) read(name string, content []byte) reading {
	key := [2]string{name, string(content)}
	if found, ok := s.readings[key]; ok {
		return found
	}
	found := reading{tokens: tokens.FindAllString(key[1], -1), err: merge.Check(name, content)}
	if found.err == nil && path.Ext(name) == ".go" {
		found.functions, found.err = functions(name, content)
	}
	s.readings[key] = found
	return found
}

func functions(name string, content []byte) (list []string, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name == "_" || fn.Name.Name == "init" {
			continue
		}
		key := path.Dir(name) + " " + f.Name.Name + " "
		if fn.Recv != nil {
			recv := fn.Recv.List[0].Type
			if star, ok := recv.(*ast.StarExpr); ok {
				recv = star.X
			}
			key += fmt.Sprint(recv) + "."
		}
		list = append(list, key+fn.Name.Name)
	}
	return list, nil
}
