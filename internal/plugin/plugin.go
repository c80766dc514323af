// Package plugin is svc as a plugin of protoc and buf: a CodeGeneratorRequest comes in, files go out.
//
// A plugin never sees its output folder. With project=DIR it reads the project there and answers with what svc generate
// would write; without it, it answers with the files in gen/ only, so that it can never overwrite anything else.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/templates"
)

// Main answers one request. What is wrong with the input goes into the response; the exit code is not 0 only when
// the plugin protocol itself fails.
func Main(in io.Reader, out, stderr io.Writer) int {
	if err := run(in, out, stderr); err != nil {
		fmt.Fprintf(stderr, "protoc-gen-svc: %v\n", err)
		return 1
	}
	return 0
}

func run(in io.Reader, out, stderr io.Writer) error {
	content, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	request := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(content, request); err != nil {
		return fmt.Errorf("this is a plugin of protoc and buf, and its input is not a CodeGeneratorRequest: %w", err)
	}
	response := Answer(context.Background(), request, stderr)
	if content, err = proto.Marshal(response); err != nil {
		return err
	}
	_, err = out.Write(content)
	return err
}

// Answer generates what a request asks for. stderr gets progress, and what a plugin can't do: delete files.
func Answer(ctx context.Context, request *pluginpb.CodeGeneratorRequest, stderr io.Writer) *pluginpb.CodeGeneratorResponse {
	response := &pluginpb.CodeGeneratorResponse{
		SupportedFeatures: proto.Uint64(uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL | pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)),
		MinimumEdition:    proto.Int32(int32(descriptorpb.Edition_EDITION_PROTO2)),
		MaximumEdition:    proto.Int32(int32(descriptorpb.Edition_EDITION_2024)),
	}
	files, err := answer(ctx, request, stderr)
	if err != nil {
		response.Error = proto.String(err.Error())
		return response
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		response.File = append(response.File, &pluginpb.CodeGeneratorResponse_File{
			Name:    proto.String(name),
			Content: proto.String(string(files[name])),
		})
	}
	return response
}

func answer(ctx context.Context, request *pluginpb.CodeGeneratorRequest, stderr io.Writer) (map[string][]byte, error) {
	o, err := parseOptions(request.GetParameter())
	if err != nil {
		return nil, err
	}
	e := &engine.Engine{Layers: templates.FS, Progress: func(step string) { fmt.Fprintln(stderr, "…", step) }}
	m, fresh, err := o.readManifest(e)
	if err != nil {
		return nil, err
	}
	c := o.contract(request, m)
	if o.project == "" {
		emission, err := e.Emit(ctx, m, c, engine.Present{}, o.stubs)
		if err != nil {
			return nil, err
		}
		return emission.Owned(), nil
	}
	return o.merge(ctx, e, m, c, fresh, stderr)
}

// contract is what protoc compiled, less the built-in files that a glob may have named.
func (o options) contract(request *pluginpb.CodeGeneratorRequest, m *manifest.Manifest) *protoload.Contract {
	c := &protoload.Contract{Paths: map[string]string{}, Request: &pluginpb.CodeGeneratorRequest{ProtoFile: request.ProtoFile}}
	for _, name := range request.FileToGenerate {
		if !protoload.Builtin(name) {
			c.Request.FileToGenerate = append(c.Request.FileToGenerate, name)
		}
	}
	slices.Sort(c.Request.FileToGenerate)
	for _, f := range request.ProtoFile {
		if p, ok := o.find(m, f.GetName()); ok {
			c.Paths[f.GetName()] = p
		}
	}
	return c
}

// find returns the path of the file that a root of the project has at an import path.
func (o options) find(m *manifest.Manifest, name string) (string, bool) {
	for _, root := range m.Proto.Roots {
		p := path.Join(root, name)
		if _, err := os.Stat(filepath.Join(o.project, filepath.FromSlash(p))); err == nil {
			return p, true
		}
	}
	return "", false
}

// merge answers with what svc generate would write to the project.
func (o options) merge(ctx context.Context, e *engine.Engine, m *manifest.Manifest, c *protoload.Contract, fresh []byte, stderr io.Writer) (map[string][]byte, error) {
	if err := o.checkWhole(m, c); err != nil {
		return nil, err
	}
	now, err := engine.ReadPresent(o.project)
	if err != nil {
		return nil, err
	}
	emission, err := e.Emit(ctx, m, c, now, o.stubs)
	if err != nil {
		return nil, err
	}
	r, err := e.Plan(o.project, m, emission, engine.Scope{Stubs: o.stubs})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if fresh != nil {
		files[manifest.FileName] = fresh
	}
	for _, change := range r.Changes {
		if change.Content == nil && strings.HasPrefix(change.Path, lock.Dir+"/") {
			continue // the next run of svc generate tidies up
		}
		if change.Content == nil {
			fmt.Fprintf(stderr, "svc generate deletes it, a plugin can't: %s\n", change.Path)
			continue
		}
		files[change.Path] = change.Content
	}
	for _, a := range r.Plan.Actions {
		if !a.Writes() {
			fmt.Fprintf(stderr, "%s %s: %s\n", a.Kind, a.Path, a.Reason)
		}
		for _, n := range a.Notes {
			fmt.Fprintf(stderr, "%s: %s\n", n.At(a.Path), n.Text)
		}
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(stderr, "warning: %s\n", diag.Set{w})
	}
	return files, nil
}

// checkWhole refuses a part of the contract: what is not named would be taken for deleted.
func (o options) checkWhole(m *manifest.Manifest, c *protoload.Contract) error {
	var missing []string
	for _, root := range m.Proto.Roots {
		files, err := protoload.Below(o.project, root)
		if errors.Is(err, os.ErrNotExist) {
			continue // the contract may be somewhere else than where svc.yaml looks for it
		}
		if err != nil {
			return err
		}
		for _, f := range files {
			if !protoload.Builtin(f) && !slices.Contains(c.Request.FileToGenerate, f) {
				missing = append(missing, path.Join(root, f))
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("name every file of the contract in one call (strategy: all under buf); missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

// readManifest reads svc.yaml, or makes one from the options for a project that has none yet; fresh is its text.
func (o options) readManifest(e *engine.Engine) (m *manifest.Manifest, fresh []byte, err error) {
	file := o.manifest
	if file == "" && o.project != "" {
		file = filepath.Join(o.project, manifest.FileName)
	}
	if file != "" {
		content, err := os.ReadFile(file)
		if err == nil {
			m, err = e.ParseManifest(file, content)
			return m, nil, err
		}
		if !errors.Is(err, os.ErrNotExist) || o.manifest != "" {
			return nil, nil, err
		}
	}
	if m, err = o.newManifest(e); err != nil {
		return nil, nil, err
	}
	return m, manifest.Format(m), nil
}
