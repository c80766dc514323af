// Package gomod composes the go.mod and go.sum of emitted projects from pinned requirements, tidy as `go mod tidy` would leave them.
package gomod

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/tree"
)

//go:generate go run ./gen

// requirements.json is made from templates/versions, the one list of versions.
//
//go:embed requirements.json
var requirements []byte

// Feature is what one part of an emitted project adds to its module. The union of the parts is the module.
type Feature struct {
	Direct   []module.Version `json:"direct"`
	Indirect []module.Version `json:"indirect"`
	Tools    []string         `json:"tools,omitempty"`
	Sum      []string         `json:"sum"`
}

// Compose returns go.mod and go.sum of a project, in this order.
func Compose(p *model.Project) ([]tree.File, error) {
	all := map[string]Feature{}
	if err := json.Unmarshal(requirements, &all); err != nil {
		return nil, fmt.Errorf("requirements.json: %w", err)
	}
	var parts []Feature
	for _, name := range names(p, all) {
		parts = append(parts, all[name])
	}
	mod, err := goMod(p, parts)
	if err != nil {
		return nil, err
	}
	return []tree.File{
		{Path: "go.mod", Content: mod, Class: tree.Merge, Template: "versions/go.mod"},
		{Path: "go.sum", Content: goSum(parts), Class: tree.Merge, Template: "versions/go.sum"},
	}, nil
}

// names are the features of a project. The keys of requirements.json are folders of templates/versions.
func names(p *model.Project, all map[string]Feature) []string {
	list := []string{"core"}
	if p.Discovers() {
		list = append(list, "discovery", "registry-"+p.Registry)
	}
	for name := range all {
		if p.Has(name) {
			list = append(list, name)
		}
	}
	prefixes := map[string]string{
		"google.golang.org/genproto/googleapis/api/":  "googleapis-api",
		"google.golang.org/genproto/googleapis/rpc/":  "googleapis-rpc",
		"google.golang.org/genproto/googleapis/type/": "googleapis-type",
		"buf.build/gen/go/bufbuild/protovalidate/":    "protovalidate",
	}
	for _, importPath := range p.Features {
		for prefix, name := range prefixes {
			if strings.HasPrefix(importPath, prefix) && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}

func goMod(p *model.Project, parts []Feature) ([]byte, error) {
	f := &modfile.File{}
	if err := f.AddModuleStmt(p.Module); err != nil {
		return nil, err
	}
	if err := f.AddGoStmt(p.GoVersion + ".0"); err != nil {
		return nil, err
	}
	direct, versions := map[string]bool{}, map[string]string{}
	tools := map[string]bool{}
	for _, part := range parts {
		for _, m := range part.Direct {
			direct[m.Path], versions[m.Path] = true, m.Version
		}
		for _, m := range part.Indirect {
			versions[m.Path] = m.Version
		}
		for _, t := range part.Tools {
			tools[t] = true
		}
	}
	var reqs []*modfile.Require
	for _, path := range slices.Sorted(maps.Keys(versions)) {
		reqs = append(reqs, &modfile.Require{Mod: module.Version{Path: path, Version: versions[path]}, Indirect: !direct[path]})
	}
	f.SetRequireSeparateIndirect(reqs)
	for _, t := range slices.Sorted(maps.Keys(tools)) {
		if err := f.AddTool(t); err != nil {
			return nil, err
		}
	}
	f.Cleanup()
	return f.Format()
}

func goSum(parts []Feature) []byte {
	var all []string
	for _, part := range parts {
		all = append(all, part.Sum...)
	}
	return sumLines(all)
}
