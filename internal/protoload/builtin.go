package protoload

import (
	"embed"
	"io/fs"
	"slices"
	"strings"

	// The descriptors of these packages are what imports of them resolve to.
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/configchange"
	_ "google.golang.org/genproto/googleapis/api/distribution"
	_ "google.golang.org/genproto/googleapis/api/error_reason"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/api/label"
	_ "google.golang.org/genproto/googleapis/api/metric"
	_ "google.golang.org/genproto/googleapis/api/monitoredres"
	_ "google.golang.org/genproto/googleapis/api/visibility"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/context/attribute_context"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/genproto/googleapis/type/calendarperiod"
	_ "google.golang.org/genproto/googleapis/type/color"
	_ "google.golang.org/genproto/googleapis/type/date"
	_ "google.golang.org/genproto/googleapis/type/datetime"
	_ "google.golang.org/genproto/googleapis/type/dayofweek"
	_ "google.golang.org/genproto/googleapis/type/decimal"
	_ "google.golang.org/genproto/googleapis/type/expr"
	_ "google.golang.org/genproto/googleapis/type/fraction"
	_ "google.golang.org/genproto/googleapis/type/interval"
	_ "google.golang.org/genproto/googleapis/type/latlng"
	_ "google.golang.org/genproto/googleapis/type/localized_text"
	_ "google.golang.org/genproto/googleapis/type/money"
	_ "google.golang.org/genproto/googleapis/type/month"
	_ "google.golang.org/genproto/googleapis/type/phone_number"
	_ "google.golang.org/genproto/googleapis/type/postaladdress"
	_ "google.golang.org/genproto/googleapis/type/quaternion"
	_ "google.golang.org/genproto/googleapis/type/timeofday"
	_ "google.golang.org/protobuf/types/gofeaturespb"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/apipb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/sourcecontextpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/typepb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
	_ "google.golang.org/protobuf/types/pluginpb"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// wellKnown is the import path of what protoc and buf have built in, too.
const wellKnown = "google/protobuf/"

// builtinSources are the files of google/api, google/rpc, google/type and buf/validate that are built in, as their owners
// publish them: for the compilers that don't have them. `.ci/builtin` fetches them; a test holds them to the descriptors.
//
//go:embed builtin
var builtinSources embed.FS

const builtinDir = "builtin/"

// Builtin reports whether a contract may import file without having it:
// the well-known types, google/api, google/rpc, google/type and buf/validate.
func Builtin(file string) bool {
	if strings.HasPrefix(file, wellKnown) {
		_, err := protoregistry.GlobalFiles.FindFileByPath(file)
		return err == nil
	}
	return thirdParty(file)
}

// thirdParty reports whether a file is built in here, but neither in protoc nor in buf.
func thirdParty(file string) bool {
	info, err := fs.Stat(builtinSources, builtinDir+file)
	return err == nil && !info.IsDir()
}

// ThirdParty returns the sources of the built-in files that the contract imports, directly or through others, by import
// path. Left out is what lies below the contract's own roots, and google/protobuf.
func (c *Contract) ThirdParty() map[string]string {
	sources := map[string]string{}
	var add func(file string)
	add = func(file string) {
		_, own := c.Paths[file]
		if _, done := sources[file]; own || done || !thirdParty(file) {
			return
		}
		content, err := builtinSources.ReadFile(builtinDir + file)
		if err != nil {
			return // thirdParty has just found it
		}
		sources[file] = string(content)
		for _, name := range builtinImports(file) {
			add(name)
		}
	}
	for _, f := range c.Request.ProtoFile {
		for _, name := range slices.Concat(f.Dependency, f.OptionDependency) {
			add(name)
		}
	}
	return sources
}

// builtinImports lists what a built-in file imports. A descriptor set may be without it, or have a copy that differs.
func builtinImports(file string) []string {
	desc, err := protoregistry.GlobalFiles.FindFileByPath(file)
	if err != nil {
		return nil
	}
	var names []string
	for i := range desc.Imports().Len() {
		names = append(names, desc.Imports().Get(i).Path())
	}
	return names
}

func resolveBuiltin(file string) (protocompile.SearchResult, error) {
	if !Builtin(file) {
		return protocompile.SearchResult{}, protoregistry.NotFound
	}
	desc, err := protoregistry.GlobalFiles.FindFileByPath(file)
	return protocompile.SearchResult{Desc: desc}, err
}

// public gives a copy of a built-in file that a contract carries the Go package of the built-in one: nothing is
// generated for it, whatever go_package the copy names.
func public(f *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	if !Builtin(f.GetName()) {
		return f
	}
	builtin, err := protoregistry.GlobalFiles.FindFileByPath(f.GetName())
	if err != nil {
		return f
	}
	goPackage := builtin.Options().(*descriptorpb.FileOptions).GetGoPackage()
	if f.GetOptions().GetGoPackage() == goPackage {
		return f
	}
	f = proto.CloneOf(f)
	if f.Options == nil {
		f.Options = &descriptorpb.FileOptions{}
	}
	f.Options.GoPackage = &goPackage
	return f
}
