package protoload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// StubFile is a file that a stub plugin wrote.
type StubFile struct {
	Path    string // relative to the module
	Content []byte
	Plugin  string // its name and version
}

// IsStub reports whether a file's template, as the lock records it, is a stub plugin.
func IsStub(template string) bool { return strings.HasPrefix(template, "protoc-gen-go") }

// minShard is how many files make another process worth its start; maxShard keeps the memory of a process small.
const minShard, maxShard = 8, 20

// Stubs runs the stub plugins on a contract. parameter maps its files to Go packages below module.
func Stubs(ctx context.Context, plugins []Plugin, request *pluginpb.CodeGeneratorRequest, module, parameter string) ([]StubFile, error) {
	parameter = "module=" + module + "," + parameter
	var jobs []stubJob
	for _, p := range plugins {
		for _, files := range shards(p.wanted(request), runtime.GOMAXPROCS(0)) {
			jobs = append(jobs, stubJob{p, files})
		}
	}
	byName := map[string]*descriptorpb.FileDescriptorProto{}
	for _, f := range request.ProtoFile {
		byName[f.GetName()] = harmless(f)
	}
	results := make([][]StubFile, len(jobs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		g.Go(func() (err error) {
			results[i], err = j.run(ctx, byName, parameter)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(results...), nil
}

type stubJob struct {
	plugin Plugin
	files  []string
}

// wanted are the files that a plugin has something to say about.
func (p Plugin) wanted(request *pluginpb.CodeGeneratorRequest) []string {
	if !p.servicesOnly {
		return request.FileToGenerate
	}
	var files []string
	for _, f := range request.ProtoFile {
		if len(f.Service) > 0 && slices.Contains(request.FileToGenerate, f.GetName()) {
			files = append(files, f.GetName())
		}
	}
	return files
}

// shards splits files into parts for n processes at a time.
func shards(files []string, n int) [][]string {
	if len(files) == 0 {
		return nil
	}
	size := min(max(minShard, (len(files)+n-1)/n), maxShard)
	return slices.Collect(slices.Chunk(files, size))
}

func (j stubJob) run(ctx context.Context, byName map[string]*descriptorpb.FileDescriptorProto, parameter string) ([]StubFile, error) {
	in, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: j.files,
		Parameter:      &parameter,
		ProtoFile:      closure(j.files, byName),
	})
	if err != nil {
		return nil, err
	}
	out, err := j.plugin.exec(ctx, in)
	if err != nil {
		return nil, err
	}
	resp := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(out, resp); err != nil {
		return nil, fmt.Errorf("%s answered something else than a CodeGeneratorResponse: %w", j.plugin.Name, err)
	}
	if resp.Error != nil {
		return nil, fmt.Errorf("%s: %s", j.plugin.Name, resp.GetError())
	}
	files := make([]StubFile, len(resp.File))
	for i, f := range resp.File {
		files[i] = StubFile{Path: f.GetName(), Content: []byte(f.GetContent()), Plugin: j.plugin.Name + "@" + j.plugin.Version}
	}
	return files, nil
}

func (p Plugin) exec(ctx context.Context, in []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.Path)
	cmd.Stdin = bytes.NewReader(in)
	// The process lives for a moment: collecting its garbage late saves more time than memory.
	cmd.Env = append(os.Environ(), "GOGC=400", "GOMAXPROCS=1")
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("running %s: %w", p.Name, errors.Join(err, errors.New(strings.TrimSpace(stderr.String()))))
	}
	return out.Bytes(), nil
}

// closure lists files and what they import, in dependency order.
func closure(files []string, byName map[string]*descriptorpb.FileDescriptorProto) []*descriptorpb.FileDescriptorProto {
	var list []*descriptorpb.FileDescriptorProto
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		f := byName[name]
		if seen[name] || f == nil {
			return
		}
		seen[name] = true
		for _, dep := range f.Dependency {
			add(dep)
		}
		list = append(list, f)
	}
	for _, name := range files {
		add(name)
	}
	return list
}

// harmful is what must not stand in a Go comment as the plugins write it, with nothing between // and the text:
// NUL and a byte order mark, which don't compile, and what is not a comment to Go, such as //go:embed and // +build,
// which gofmt moves to the top of the file.
var harmful = regexp.MustCompile(`(?m)^(go:|line |export |extern )|^\s*\+(build)|\x00|\x{FEFF}`)

// harmless returns f with comments that protoc-gen-go and protoc-gen-go-grpc can copy.
func harmless(f *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	if !slices.ContainsFunc(f.GetSourceCodeInfo().GetLocation(), isHarmful) {
		return f
	}
	f = proto.CloneOf(f)
	for _, loc := range f.SourceCodeInfo.Location {
		loc.LeadingComments = defuse(loc.LeadingComments)
		loc.TrailingComments = defuse(loc.TrailingComments)
		for i, c := range loc.LeadingDetachedComments {
			loc.LeadingDetachedComments[i] = *defuse(&c)
		}
	}
	return f
}

func isHarmful(loc *descriptorpb.SourceCodeInfo_Location) bool {
	bad := func(comment string) bool {
		return comment != "" && (!utf8.ValidString(comment) || harmful.MatchString(comment))
	}
	return bad(loc.GetLeadingComments()) || bad(loc.GetTrailingComments()) || slices.ContainsFunc(loc.LeadingDetachedComments, bad)
}

func defuse(comment *string) *string {
	if comment == nil {
		return nil
	}
	c := harmful.ReplaceAllString(strings.ToValidUTF8(*comment, "\uFFFD"), " $1$2")
	return &c
}
