// Package protoload turns a contract into the request that protoc would send to a plugin,
// and runs the stub plugins on it. It needs no protoc.
package protoload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/tree"
)

// Contract is a compiled contract.
type Contract struct {
	// Request holds all files in dependency order, with source info.
	// FileToGenerate are the contract's own: everything but what is built in.
	Request *pluginpb.CodeGeneratorRequest
	// Paths maps a file's import path to the path that a person knows it by. What svc, and not the contract, has is not
	// in it; a copy of a built-in file is.
	Paths map[string]string

	tabs *tabs
}

// Pos returns the position of an import path's line and column (from 1) in the file that a person knows.
func (c *Contract) Pos(file string, line, col int) diag.Pos {
	col = c.tabs.column(file, line, col)
	if p, ok := c.Paths[file]; ok {
		file = p
	}
	return diag.Pos{File: file, Line: line, Col: col}
}

// Source is where a contract's files are.
type Source struct {
	Dir   string   // what Roots are relative to
	Roots []string // import roots, in order
	Files []string // import paths; nil for every .proto below Roots

	tabs   *tabs                                  // of what Load has read
	linked map[string]protoreflect.FileDescriptor // what need not be compiled again
}

// Load compiles the files of src and all that they import. Errors in the contract are a diag.Set.
func Load(ctx context.Context, src Source) (*Contract, error) {
	src.tabs = &tabs{}
	files, err := src.files()
	if err != nil {
		return nil, err
	}
	compiled, found, err := src.compile(ctx, files)
	if err != nil && ctx.Err() == nil {
		found = append(found, src.compileEach(ctx, files, compiled)...)
	}
	found = src.tooNew(found)
	switch set := found.Err(); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case set != nil:
		return nil, set
	case err != nil:
		return nil, err
	}
	return &Contract{Request: request(compiled), Paths: src.paths(compiled), tabs: src.tabs}, nil
}

func (src Source) compile(ctx context.Context, files []string) (linker.Files, diag.Set, error) {
	var found diag.Set
	compiler := protocompile.Compiler{
		Resolver:       protocompile.ResolverFunc(src.resolve),
		SourceInfoMode: protocompile.SourceInfoStandard,
		Reporter:       reporter.NewReporter(func(e reporter.ErrorWithPos) error { found = append(found, src.finding(e)); return nil }, nil),
	}
	compiled, err := compiler.Compile(ctx, files...)
	if e, ok := errors.AsType[reporter.ErrorWithPos](err); ok { // it is not reported when an import is missing
		found = append(found, src.finding(e))
	}
	return compiled, found, err
}

// compileEach finds what an error in one file keeps the compiler from saying about the others. compiled are those
// that are fine, and nil for the others.
func (src Source) compileEach(ctx context.Context, files []string, compiled linker.Files) diag.Set {
	var all diag.Set
	src.linked = map[string]protoreflect.FileDescriptor{}
	keep := func(f protoreflect.FileDescriptor) { src.linked[f.Path()] = f }
	walk(compiled, keep)
	for _, f := range files {
		if src.linked[f] != nil {
			continue
		}
		compiled, found, err := src.compile(ctx, []string{f})
		walk(compiled, keep)
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err // the finding says which file it is
		}
		at := diag.Pos{File: src.display(f), Line: 1, Col: 1}
		switch {
		case errors.Is(err, errEmpty) && len(found) == 0:
			found.At(at, "write it, or remove it", "%v", errEmpty)
		case err != nil && len(found) == 0:
			found.At(at, "", "it can't be read: %v", err)
		}
		all = slices.Concat(all, found, src.missingImports(f))
	}
	return all
}

// missingImports finds the imports that a file has and nobody else; the compiler stops at the first.
func (src Source) missingImports(file string) diag.Set {
	node := parse(filepath.Join(src.Dir, filepath.FromSlash(src.display(file))))
	if node == nil {
		return nil
	}
	var found diag.Set
	for _, decl := range node.Decls {
		imp, ok := decl.(*ast.ImportNode)
		if !ok {
			continue
		}
		if _, err := src.resolve(imp.Name.AsString()); errors.Is(err, fs.ErrNotExist) {
			at := node.NodeInfo(imp.Name).Start()
			found.At(src.pos(file, at.Line, at.Col), importHint, "%v", err)
		}
	}
	return found
}

// files returns the import paths to compile, sorted.
func (src Source) files() ([]string, error) {
	if src.Files != nil {
		return slices.Sorted(slices.Values(src.Files)), nil
	}
	var found diag.Set
	seen := map[string]string{}
	for _, root := range src.Roots {
		names, err := Below(src.Dir, root)
		if err != nil {
			return nil, fmt.Errorf("reading import root %s: %w", root, err)
		}
		for _, name := range names {
			if other, ok := seen[name]; ok {
				found.At(diag.Pos{File: path.Join(root, name), Line: 1, Col: 1}, "keep one of them", "%s is also in import root %s", name, other)
				continue
			}
			seen[name] = root
		}
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	if len(seen) == 0 {
		found.At(diag.Pos{File: strings.Join(src.Roots, ", ")}, "put the contract there, or change proto.roots in svc.yaml", "no .proto file below the import roots")
		return nil, found.Err()
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Below lists the .proto files of an import root of the project in dir as slash-separated paths relative to the root.
// Where the project as a whole is a root, what svc has put there for others is no part of the contract.
func Below(dir, root string) ([]string, error) {
	names, err := Files(filepath.Join(dir, filepath.FromSlash(root)))
	lent := func(name string) bool { return strings.HasPrefix(path.Join(root, name), tree.ThirdPartyDir+"/") }
	return slices.DeleteFunc(names, lent), err
}

// Files lists the .proto files below root as slash-separated paths relative to it. Hidden ones are not meant:
// they are what editors and operating systems leave beside a file.
func Files(root string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := p != root && strings.HasPrefix(e.Name(), ".")
		if e.IsDir() && hidden {
			return filepath.SkipDir
		}
		if e.IsDir() || hidden || !strings.HasSuffix(e.Name(), ".proto") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	return names, err
}

// resolve finds an import: in the roots, or built in.
func (src Source) resolve(name string) (protocompile.SearchResult, error) {
	if d, ok := src.linked[name]; ok {
		return protocompile.SearchResult{Desc: d}, nil
	}
	roots := make([]string, len(src.Roots))
	for i, r := range src.Roots {
		roots[i] = filepath.Join(src.Dir, filepath.FromSlash(r))
	}
	result, err := (&protocompile.SourceResolver{ImportPaths: roots, Accessor: openSource}).FindFileByPath(name)
	if errors.Is(err, fs.ErrNotExist) {
		result, err = resolveBuiltin(name)
	}
	if errors.Is(err, protoregistry.NotFound) {
		err = fmt.Errorf("%s is not below an import root: %w", name, fs.ErrNotExist)
	}
	if source, ok := result.Source.(io.ReadCloser); ok && err == nil {
		result.Source, err = src.tabs.read(name, source)
		err = errors.Join(err, source.Close())
	}
	return result, err
}

// openSource refuses what is not a regular file, so that a fifo in a root can't hang a run.
func openSource(name string) (io.ReadCloser, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: %w", name, fs.ErrNotExist)
	}
	return os.Open(name)
}

// pos is where a person finds a place in an import path.
func (src Source) pos(file string, line, col int) diag.Pos {
	return diag.Pos{File: src.display(file), Line: line, Col: src.tabs.column(file, line, col)}
}

const importHint = "add the root that holds it: -I ROOT, or proto.roots in svc.yaml"

// edition is how a file says its own.
var edition = regexp.MustCompile(`(?m)^[ \t]*edition[ \t]*=[ \t]*["'](\d+)["']`)

// newest is the edition that this compiler reads. Files of a later one are full of errors to it.
const (
	newest      = 2023
	editionHint = "compile the contract with protoc or buf and pass --descriptor-set FILE"
)

// tooNew says of files with errors whether they are of an edition that this compiler doesn't know, instead of its errors.
func (src Source) tooNew(found diag.Set) diag.Set {
	later := map[string]bool{}
	var all diag.Set
	for _, d := range found {
		is, known := later[d.File]
		if !known {
			at, n := src.edition(d.File)
			is = n > newest
			later[d.File] = is
			if is {
				all.At(at, editionHint, "edition %d is not supported: svc reads up to edition %d by itself", n, newest)
			}
		}
		if !is {
			all = append(all, d)
		}
	}
	return all
}

// edition returns the edition that a file says it is of, and where; 0 for none.
func (src Source) edition(file string) (diag.Pos, int) {
	in, err := openSource(filepath.Join(src.Dir, filepath.FromSlash(file)))
	if err != nil {
		return diag.Pos{}, 0
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return diag.Pos{}, 0
	}
	m := edition.FindSubmatchIndex(content)
	if m == nil {
		return diag.Pos{}, 0
	}
	n, _ := strconv.Atoi(string(content[m[2]:m[3]])) // digits
	line := bytes.Count(content[:m[2]], []byte("\n"))
	col := m[2] - 1 - (bytes.LastIndexByte(content[:m[2]], '\n') + 1)
	return diag.Pos{File: file, Line: line + 1, Col: col + 1}, n
}

func (src Source) finding(e reporter.ErrorWithPos) diag.Diagnostic {
	at := e.GetPosition()
	pos := src.pos(at.Filename, at.Line, at.Col)
	msg := strings.ReplaceAll(e.Unwrap().Error(), "$end", "end of file") // as the grammar calls it
	if m := duplicate.FindStringSubmatch(msg); m != nil {
		return src.duplicateSymbol(m, pos)
	}
	var hint string
	if errors.Is(e, fs.ErrNotExist) {
		hint = importHint
	}
	return diag.Diagnostic{Pos: pos, Message: msg, Hint: hint}
}

var duplicate = regexp.MustCompile(`^symbol "(.*)" already defined at (.*?)(?::(\d+):(\d+))?$`)

// duplicateSymbol shows the later of two definitions, whichever the compiler met first: it compiles files side by side.
// What is built in has no lines, and is never the one to change.
func (src Source) duplicateSymbol(m []string, pos diag.Pos) diag.Diagnostic {
	line, _ := strconv.Atoi(m[3])
	col, _ := strconv.Atoi(m[4])
	first := src.pos(m[2], line, col)
	if pos.Line == 0 || first.Line != 0 && first.Compare(pos) > 0 {
		first, pos = pos, first
	}
	return diag.Diagnostic{Pos: pos, Message: fmt.Sprintf("symbol %q is already defined at %s", m[1], first), Hint: "rename one of them"}
}

// display returns the path that a person knows an import path by.
func (src Source) display(name string) string {
	if p, ok := src.find(name); ok {
		return p
	}
	return name
}

// find returns the path of the file that a root has at an import path.
func (src Source) find(name string) (string, bool) {
	for _, root := range src.Roots {
		p := filepath.Join(src.Dir, filepath.FromSlash(root), filepath.FromSlash(name))
		if _, err := os.Lstat(p); err == nil {
			return path.Join(filepath.ToSlash(root), name), true
		}
	}
	return "", false
}

func (src Source) paths(compiled linker.Files) map[string]string {
	paths := map[string]string{}
	walk(compiled, func(f protoreflect.FileDescriptor) {
		if p, ok := src.find(f.Path()); ok {
			paths[f.Path()] = p
		}
	})
	return paths
}

// request lists files and what they import in dependency order.
func request(compiled linker.Files) *pluginpb.CodeGeneratorRequest {
	req := &pluginpb.CodeGeneratorRequest{}
	walk(compiled, func(f protoreflect.FileDescriptor) {
		req.ProtoFile = append(req.ProtoFile, descriptorProto(f))
		if !Builtin(f.Path()) {
			req.FileToGenerate = append(req.FileToGenerate, f.Path())
		}
	})
	slices.Sort(req.FileToGenerate)
	return req
}

func descriptorProto(f protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	if r, ok := f.(linker.Result); ok {
		return public(r.FileDescriptorProto())
	}
	return protodesc.ToFileDescriptorProto(f)
}

// walk visits each file once, imports first. A nil file was not compiled.
func walk(files linker.Files, visit func(protoreflect.FileDescriptor)) {
	seen := map[string]bool{}
	var do func(f protoreflect.FileDescriptor)
	do = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			do(f.Imports().Get(i).FileDescriptor)
		}
		visit(f)
	}
	for _, f := range files {
		if f != nil {
			do(f)
		}
	}
}

// LoadDescriptorSet reads a FileDescriptorSet, as `protoc --include_imports --include_source_info -o` and
// `buf build -o` write it. It carries what the in-process compiler can't read yet, such as edition 2024.
func LoadDescriptorSet(dir, file string) (*Contract, error) {
	name := filepath.Join(dir, filepath.FromSlash(file))
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, descriptorSetError(file, "it is not a regular file")
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the descriptor set: %w", err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(content, set); err != nil {
		return nil, descriptorSetError(file, "it is not a FileDescriptorSet: %v", err)
	}
	if len(set.File) == 0 {
		return nil, descriptorSetError(file, "it holds no file")
	}
	if _, err := protodesc.NewFiles(set); err != nil {
		return nil, descriptorSetError(file, "%v", err)
	}
	return &Contract{Request: requestOfSet(set), Paths: map[string]string{}}, nil
}

func descriptorSetError(file, format string, args ...any) error {
	var found diag.Set
	found.At(diag.Pos{File: file, Line: 1, Col: 1}, "write it with protoc --include_imports --include_source_info -o FILE", format, args...)
	return found.Err()
}

func requestOfSet(set *descriptorpb.FileDescriptorSet) *pluginpb.CodeGeneratorRequest {
	byName := map[string]*descriptorpb.FileDescriptorProto{}
	for _, f := range set.File {
		byName[f.GetName()] = public(f)
	}
	req := &pluginpb.CodeGeneratorRequest{}
	var add func(name string)
	add = func(name string) {
		f := byName[name]
		if f == nil {
			return
		}
		delete(byName, name)
		for _, dep := range f.Dependency {
			add(dep)
		}
		req.ProtoFile = append(req.ProtoFile, f)
		if !Builtin(name) {
			req.FileToGenerate = append(req.FileToGenerate, name)
		}
	}
	for _, f := range slices.SortedFunc(slices.Values(set.File), func(a, b *descriptorpb.FileDescriptorProto) int {
		return strings.Compare(a.GetName(), b.GetName())
	}) {
		add(f.GetName())
	}
	slices.Sort(req.FileToGenerate)
	return req
}
