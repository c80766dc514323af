package handlers

import (
	"fmt"
	"go/format"
	"strings"
	"testing"
)

// emit writes the handlers of a contract as svc's templates do. A contract is lines such as
//
//	Catalog: Get unary GetRequest Product; Watch server WatchRequest Product
func emit(t testing.TB, contract string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for line := range strings.Lines(contract) {
		service, rpcs, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		var methods [][]string
		for rpc := range strings.SplitSeq(rpcs, ";") {
			if words := strings.Fields(rpc); len(words) == 4 {
				methods = append(methods, words)
			}
		}
		stem := dir + strings.ToLower(service)
		out[stem+".go"] = gofmt(t, handler(service, methods))
		if len(methods) > 0 {
			out[stem+"_test.go"] = gofmt(t, handlerTest(service, methods))
		}
	}
	return out
}

const dir = "internal/service/shop/v1/"

func gofmt(t testing.TB, src string) []byte {
	out, err := format.Source([]byte(src))
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return out
}

func imports(body string, all ...string) string {
	text := "import (\n"
	for _, spec := range all {
		name := strings.Trim(spec[strings.LastIndexByte(spec, '/')+1:], `"`)
		if i := strings.IndexByte(spec, ' '); i > 0 {
			name = spec[:i]
		}
		if spec == "" || strings.Contains(body, name+".") {
			text += "\t" + spec + "\n"
		}
	}
	return text + ")\n\n"
}

func handler(service string, methods [][]string) string {
	body := strings.ReplaceAll(`// SERVICE implements shop.v1.SERVICE.
type SERVICE struct {
	pb.UnimplementedSERVICEServer // answers methods that the contract has and this type doesn't, yet

	deps service.Deps
}

// NewSERVICE returns a handler that works with deps. The wiring in gen/ calls it.
func NewSERVICE(deps service.Deps) *SERVICE {
	return &SERVICE{deps: deps}
}
`, "SERVICE", service)
	signatures := map[string]string{
		"unary":  "(ctx context.Context, req *pb.%s) (*pb.%s, error)",
		"server": "(req *pb.%s, stream grpc.ServerStreamingServer[pb.%s]) error",
		"client": "(stream grpc.ClientStreamingServer[pb.%s, pb.%s]) error",
		"bidi":   "(stream grpc.BidiStreamingServer[pb.%s, pb.%s]) error",
	}
	for _, m := range methods {
		name, kind, in, out := m[0], m[1], m[2], m[3]
		result := map[bool]string{true: "nil, "}[kind == "unary"]
		body += fmt.Sprintf("\n// %s implements shop.v1.%s.%s.\nfunc (h *%s) %s%s {\n\treturn %sstatus.Error(codes.Unimplemented, %q)\n}\n",
			name, service, name, service, name, fmt.Sprintf(signatures[kind], in, out), result, "shop.v1."+service+"."+name+" is not implemented")
	}
	return "package shopv1\n\n" + imports(body, `"context"`, "", `"google.golang.org/grpc"`, `"google.golang.org/grpc/codes"`,
		`"google.golang.org/grpc/status"`, "", `pb "example.com/shop/gen/shop/v1"`, `"example.com/shop/internal/service"`) + body
}

func handlerTest(service string, methods [][]string) string {
	body := strings.ReplaceAll(`// newSERVICEClient returns a client of a SERVICE that runs as in production. Give its Deps fakes here.
func newSERVICEClient(t *testing.T) pb.SERVICEClient {
	t.Helper()
	conn := grpctest.Dial(t, func(r grpc.ServiceRegistrar) {
		pb.RegisterSERVICEServer(r, NewSERVICE(service.Deps{}))
	})
	return pb.NewSERVICEClient(conn)
}
`, "SERVICE", service)
	streams := map[string]string{
		"unary":  "_, err := newSERVICEClient(t).METHOD(grpctest.Context(t), req)\n\t\t\tgrpctest.CheckStatus(t, err)",
		"server": "stream, err := newSERVICEClient(t).METHOD(grpctest.StreamContext(t), req)\n\t\t\tgrpctest.CheckStatus(t, err)\n\t\t\tgrpctest.ReceiveAll(t, stream)",
		"client": "stream, err := newSERVICEClient(t).METHOD(grpctest.Context(t))\n\t\t\tgrpctest.CheckStatus(t, err)\n\t\t\tgrpctest.SendAll(t, stream, req)\n\t\t\t_, err = stream.CloseAndRecv()\n\t\t\tgrpctest.CheckStatus(t, err)",
		"bidi":   "stream, err := newSERVICEClient(t).METHOD(grpctest.StreamContext(t))\n\t\t\tgrpctest.CheckStatus(t, err)\n\t\t\tgrpctest.SendAll(t, stream, req)\n\t\t\tgrpctest.CheckStatus(t, stream.CloseSend())\n\t\t\tgrpctest.ReceiveAll(t, stream)",
	}
	for _, m := range methods {
		cases := "map[string]*pb.INPUT{\n\t\t\"empty request\": {},\n\t}"
		if m[1] == "client" || m[1] == "bidi" {
			cases = "map[string][]*pb.INPUT{\n\t\t\"no request\": {},\n\t\t\"one empty request\": {{}},\n\t}"
		}
		body += strings.NewReplacer("SERVICE", service, "METHOD", m[0], "INPUT", m[2]).Replace(`
func TestSERVICE_METHOD(t *testing.T) {
	tests := ` + cases + `
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			` + streams[m[1]] + `
		})
	}
}
`)
	}
	return "package shopv1\n\n" + imports(body, `"testing"`, "", `"google.golang.org/grpc"`, "",
		`pb "example.com/shop/gen/shop/v1"`, `"example.com/shop/internal/platform/grpctest"`, `"example.com/shop/internal/service"`) + body
}
