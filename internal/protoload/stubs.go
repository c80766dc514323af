package protoload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

	"github.com/svcgen/svc/internal/tree"
)

// StubFile is a file that a stub plugin wrote.
type StubFile struct {
	Path    string // relative to the module
	Content []byte
	Plugin  string // its name and version
	Inputs  string // digest of all that the plugin wrote it from; "" when it is not known
}

// StubRequest asks for the stubs of a contract.
type StubRequest struct {
	Request   *pluginpb.CodeGeneratorRequest
	Module    string
	Parameter string // maps the files of the contract to Go packages below Module
	// Prefixes are the paths of the stubs of each file of the contract, relative to Module, without the suffix of a plugin.
	Prefixes map[string]string
	// Made returns the content of a stub that was written from the same inputs before, or nil. It may be nil itself.
	Made func(path, inputs string) []byte
}

// IsStub reports whether a file's template, as the lock records it, is a stub plugin.
func IsStub(template string) bool { return strings.HasPrefix(template, "protoc-gen-go") }

// minShard is how many files make another process worth its start; maxShard keeps the memory of a process small.
const minShard, maxShard = 8, 20

// Stubs runs the stub plugins on what they have not seen before.
func Stubs(ctx context.Context, plugins []Plugin, r StubRequest) ([]StubFile, error) {
	parameter := "module=" + r.Module + "," + r.Parameter
	byName := map[string]*descriptorpb.FileDescriptorProto{}
	for _, f := range r.Request.ProtoFile {
		byName[f.GetName()] = harmless(f)
	}
	inputs, err := inputDigests(r, byName)
	if err != nil {
		return nil, err
	}
	var made []StubFile
	var jobs []stubJob
	for _, p := range plugins {
		old, files := p.made(r, inputs)
		made = append(made, old...)
		for _, shard := range shards(files, runtime.GOMAXPROCS(0)) {
			jobs = append(jobs, stubJob{p, shard})
		}
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
	known := knownInputs(plugins, r, inputs)
	for _, files := range results {
		for i := range files {
			files[i].Inputs = known[files[i].Path]
		}
	}
	return slices.Concat(append(results, made)...), nil
}

// made divides the files that a plugin is wanted for: the stubs that there are, and the files that it has to run on.
func (p Plugin) made(r StubRequest, inputs map[string]string) (made []StubFile, files []string) {
	for _, f := range p.wanted(r.Request) {
		stub := StubFile{Path: r.Prefixes[f] + p.suffix, Plugin: p.String(), Inputs: p.inputs(inputs[f])}
		if r.Made != nil {
			stub.Content = r.Made(stub.Path, stub.Inputs)
		}
		if stub.Content == nil {
			files = append(files, f)
			continue
		}
		made = append(made, stub)
	}
	return made, files
}

// String names the plugin and its version.
func (p Plugin) String() string { return p.Name + "@" + p.Version }

// inputs is the digest of what the plugin writes a stub from: the plugin itself, and its input.
func (p Plugin) inputs(input string) string { return tree.Sum([]byte(p.Path + "\n" + input)) }

// knownInputs are the inputs of all stubs, by path.
func knownInputs(plugins []Plugin, r StubRequest, inputs map[string]string) map[string]string {
	known := map[string]string{}
	for _, p := range plugins {
		for _, f := range p.wanted(r.Request) {
			known[r.Prefixes[f]+p.suffix] = p.inputs(inputs[f])
		}
	}
	return known
}

// inputDigests are those of the files of a contract: of a file itself, of its Go package, and of all that it imports.
func inputDigests(r StubRequest, byName map[string]*descriptorpb.FileDescriptorProto) (map[string]string, error) {
	packages := map[string]string{}
	for option := range strings.SplitSeq(r.Parameter, ",") {
		if file, pkg, ok := strings.Cut(option, "="); ok {
			packages[strings.TrimPrefix(file, "M")] = pkg
		}
	}
	digests := map[string]string{}
	for _, f := range r.Request.ProtoFile { // in dependency order
		content, err := proto.MarshalOptions{Deterministic: true}.Marshal(byName[f.GetName()])
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		fmt.Fprintf(h, "%s\n%s\n%d\n%s", r.Module, packages[f.GetName()], len(content), content)
		for _, dep := range f.Dependency {
			fmt.Fprintf(h, "%s %s\n", dep, digests[dep])
		}
		digests[f.GetName()] = hex.EncodeToString(h.Sum(nil))
	}
	return digests, nil
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
		files[i] = StubFile{Path: f.GetName(), Content: []byte(f.GetContent()), Plugin: j.plugin.String()}
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
