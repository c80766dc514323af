package splice

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile/ast"
)

var get = RPC{Name: "Get", Request: "A", Response: "B"}

const getLine = "rpc Get(A) returns (B);"

var rpcCases = []struct{ name, src, want string }{
	{"below others", "service S {\n  rpc X(A) returns (B);\n}\n", "service S {\n  rpc X(A) returns (B);\n  " + getLine + "\n}\n"},
	{"tabs", "service S {\n\trpc X(A) returns (B); // ü\n}\n", "service S {\n\trpc X(A) returns (B); // ü\n\t" + getLine + "\n}\n"},
	{"four spaces, from a message", "message M {\n    int32 a = 1;\n}\nservice S {\n}\n", "message M {\n    int32 a = 1;\n}\nservice S {\n    " + getLine + "\n}\n"},
	{"empty", "service S {}\n", "service S {\n  " + getLine + "\n}\n"},
	{"empty, indented", "  service S {}\n", "  service S {\n    " + getLine + "\n  }\n"},
	{"on one line", "service S { rpc X(A) returns (B); } // s", "service S { rpc X(A) returns (B); " + getLine + " } // s"},
	{"on one line, tight", "service S {rpc X(A) returns (B);}", "service S {rpc X(A) returns (B); " + getLine + " }"},
	{"only a blank", "service S { }", "service S { " + getLine + " }"},
	{"brace behind the last", "service S {\n  rpc X(A) returns (B); }\n", "service S {\n  rpc X(A) returns (B);\n  " + getLine + " }\n"},
	{"brace behind a comment", "service S {\n  rpc X(A) returns (B);\n  /* é */ }\n", "service S {\n  rpc X(A) returns (B);\n  /* é */\n  " + getLine + " }\n"},
	{"a comment is not that of the rpc", "service S {\n  rpc X(A) returns (B);\n  // More: é.\n}\n", "service S {\n  rpc X(A) returns (B);\n  // More: é.\n\n  " + getLine + "\n}\n"},
	{"a comment alone", "service S {\n  // None: é.\n}\n", "service S {\n  // None: é.\n\n  " + getLine + "\n}\n"},
	{"a blank line is there", "service S {\n  rpc X(A) returns (B);\n\n}\n", "service S {\n  rpc X(A) returns (B);\n\n  " + getLine + "\n}\n"},
	{"blank lines between", "service S {\n  rpc X(A) returns (B);\n\n  rpc Y(A) returns (B);\n}\n", "service S {\n  rpc X(A) returns (B);\n\n  rpc Y(A) returns (B);\n\n  " + getLine + "\n}\n"},
	{"one with a comment", "service S {\n  // X.\n  rpc X(A) returns (B);\n}\n", "service S {\n  // X.\n  rpc X(A) returns (B);\n\n  " + getLine + "\n}\n"},
	{"one with a body", "service S {\n  rpc X(A) returns (B) {\n  }\n}\n", "service S {\n  rpc X(A) returns (B) {\n  }\n\n  " + getLine + "\n}\n"},
	{"behind an option", "service S {\n  option deprecated = true;\n}\n", "service S {\n  option deprecated = true;\n\n  " + getLine + "\n}\n"},
	{"brace in a comment and a text", "service S { // }\n  option (x) = \"}\";\n} // }\n", "service S { // }\n  option (x) = \"}\";\n\n  " + getLine + "\n} // }\n"},
	{"the second of two", "service R {}\nservice S {}\n", "service R {}\nservice S {\n  " + getLine + "\n}\n"},
}

func TestRPC(t *testing.T) {
	for _, c := range rpcCases {
		for way, write := range written {
			if way == "comment above" || way == "CRLF comments" {
				continue // of YAML
			}
			t.Run(c.name+"/"+way, func(t *testing.T) {
				if way == "CRLF" && !strings.HasSuffix(c.src, "\n") {
					t.Skip("a text without a newline has no kind of newline")
				}
				src := write("// é\n" + c.src)
				p, err := OpenProto([]byte(src))
				if err != nil {
					t.Fatal(err)
				}
				if err := p.RPC("S", get); err != nil {
					t.Fatal(err)
				}
				got, err := p.Bytes()
				if want := write("// é\n" + c.want); err != nil || string(got) != want {
					t.Errorf("%q became %q, %v; want %q", src, got, err, want)
				}
			})
		}
	}
}

func TestRPCKinds(t *testing.T) {
	for want, r := range map[string]RPC{
		"rpc A(X) returns (Y);":               {Name: "A", Request: "X", Response: "Y"},
		"rpc A(stream X) returns (Y);":        {Name: "A", Request: "X", Response: "Y", ClientStream: true},
		"rpc A(X) returns (stream Y);":        {Name: "A", Request: "X", Response: "Y", ServerStream: true},
		"rpc A(stream X) returns (stream Y);": {Name: "A", Request: "X", Response: "Y", ClientStream: true, ServerStream: true},
	} {
		if got := r.lines("  "); !slices.Equal(got, []string{want}) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestImport(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"behind others":                 {"import \"a\"; // é\nimport \"b\"; /* ü */\n\nmessage M {}\n", "import \"a\"; // é\nimport \"b\"; /* ü */\nimport \"n\";\n\nmessage M {}\n"},
		"single quotes":                 {"import public 'a';\n", "import public 'a';\nimport 'n';\n"},
		"no final newline":              {"import \"a\";", "import \"a\";\nimport \"n\";"},
		"more on the line":              {"import \"a\"; message M {}\n", "import \"a\"; import \"n\"; message M {}\n"},
		"behind a comment over lines":   {"import \"a\"; /* x\n */ message M {}\n", "import \"a\"; import \"n\"; /* x\n */ message M {}\n"},
		"behind a comment, then more":   {"import \"a\"; /* x */ message M {}\n", "import \"a\"; import \"n\"; /* x */ message M {}\n"},
		"behind the package":            {"syntax = \"proto3\";\npackage p; // é\n\nmessage M {}\n", "syntax = \"proto3\";\npackage p; // é\n\nimport \"n\";\n\nmessage M {}\n"},
		"a comment of what follows":     {"package p;\n// M.\nmessage M {}\n", "package p;\n\nimport \"n\";\n\n// M.\nmessage M {}\n"},
		"behind the syntax":             {"syntax = \"proto3\";\n", "syntax = \"proto3\";\n\nimport \"n\";\n"},
		"behind the edition":            {"edition = \"2023\";\n", "edition = \"2023\";\n\nimport \"n\";\n"},
		"before all":                    {"// M.\nmessage M {}\n", "import \"n\";\n\n// M.\nmessage M {}\n"},
		"a package behind the imports":  {"import \"a\";\npackage p;\n", "import \"a\";\nimport \"n\";\npackage p;\n"},
		"import in a comment is no one": {"syntax = \"proto3\"; // import \"x\";\n", "syntax = \"proto3\"; // import \"x\";\n\nimport \"n\";\n"},
	} {
		for way, write := range map[string]func(string) string{"plain": written["plain"], "CRLF": written["CRLF"], "mark": written["byte order mark"]} {
			t.Run(name+"/"+way, func(t *testing.T) {
				if way == "CRLF" && !strings.HasSuffix(c.src, "\n") {
					t.Skip("a text without a newline has no kind of newline")
				}
				p, err := OpenProto([]byte(write(c.src)))
				if err != nil {
					t.Fatal(err)
				}
				p.Import("n")
				if got, err := p.Bytes(); err != nil || string(got) != write(c.want) {
					t.Errorf("%q became %q, %v; want %q", write(c.src), got, err, write(c.want))
				}
			})
		}
	}
}

func TestTail(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"message M {}\n", "message M {}\n\nmessage A {}\n\nmessage B {}\n"},
		{"message M {}", "message M {}\n\nmessage A {}\n\nmessage B {}"},
		{"message M {}\n\n", "message M {}\n\nmessage A {}\n\nmessage B {}\n"},
		{"message M {}\n// Last.\n", "message M {}\n// Last.\n\nmessage A {}\n\nmessage B {}\n"},
		{"message M {} // é", "message M {} // é\n\nmessage A {}\n\nmessage B {}"},
		{"message M {}\r\n", "message M {}\r\n\r\nmessage A {}\r\n\r\nmessage B {}\r\n"},
		{byteOrderMark, byteOrderMark + "message A {}\n\nmessage B {}\n"},
	} {
		p, err := OpenProto([]byte(c.src))
		if err != nil {
			t.Fatal(err)
		}
		p.Message("A")
		p.Message("B")
		if got, err := p.Bytes(); err != nil || string(got) != c.want {
			t.Errorf("%q became %q, %v; want %q", c.src, got, err, c.want)
		}
	}
}

func TestNewProto(t *testing.T) {
	p, err := NewProto("shop.v1", "example.com/shop;shopv1", []byte("message M {\r\n\tint32 a = 1;\r\n}\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	p.Message("A")
	p.Service(Service{Name: "S", Doc: []string{"S is new."}, RPCs: []RPC{
		{Name: "Get", Doc: []string{"Get."}, Request: "A", Response: "B", Options: []string{"deprecated = true"}}, {Name: "Put", Request: "A", Response: "B"},
	}})
	p.Import("b.proto")
	got, err := p.Bytes()
	want := strings.ReplaceAll(`syntax = "proto3";

package shop.v1;

import "b.proto";

option go_package = "example.com/shop;shopv1";

// S is new.
service S {
	// Get.
	rpc Get(A) returns (B) {
		option deprecated = true;
	}

	rpc Put(A) returns (B);
}

message A {}
`, "\n", "\r\n")
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestProtoRefuses(t *testing.T) {
	if _, err := OpenProto([]byte("service S {")); err == nil {
		t.Error("a file that does not parse was opened")
	}
	if _, err := OpenProto([]byte(byteOrderMark + byteOrderMark + "service S {}")); err == nil {
		t.Error("a second byte order mark was taken for none")
	}
	p, err := OpenProto([]byte("service S {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RPC("T", get); !errors.Is(err, ErrPlace) {
		t.Errorf("an rpc of a service that is not there: %v", err)
	}
	p.Message("1")
	if _, err := p.Bytes(); !errors.Is(err, ErrPlace) {
		t.Errorf("a message that is none: %v", err)
	}
}

// FuzzProto adds to whatever parses: it parses still, has what was added and no less than before.
func FuzzProto(f *testing.F) {
	for _, c := range rpcCases {
		for _, write := range written {
			f.Add([]byte(write("import \"a\";\n" + c.src)))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4<<10 {
			t.Skip()
		}
		before, err := OpenProto(src)
		if err != nil {
			t.Skip()
		}
		p, _ := OpenProto(src)
		services, rpcs := count(before)
		for _, d := range before.node.Decls {
			if s, ok := d.(*ast.ServiceNode); ok {
				if err := p.RPC(s.Name.Val, get); err != nil {
					t.Fatal(err)
				}
				rpcs++
			}
		}
		p.Import("n.proto")
		p.Message("Added")
		p.Service(Service{Name: "New", Doc: []string{"New."}, RPCs: []RPC{get}})
		out, err := p.Bytes()
		if err != nil {
			t.Fatalf("%q can't be added to: %v", src, err)
		}
		after, err := OpenProto(out)
		if err != nil {
			t.Fatalf("%q became %q: %v", src, out, err)
		}
		if s, r := count(after); s != services+1 || r != rpcs+1 || len(after.node.Decls) < len(before.node.Decls)+3 {
			t.Errorf("%q became %q: %d services and %d rpcs", src, out, s, r)
		}
		if !keeps(out, src) {
			t.Errorf("%q became %q, which has lost bytes", src, out)
		}
	})
}

func count(p *Proto) (services, rpcs int) {
	for _, d := range p.node.Decls {
		if s, ok := d.(*ast.ServiceNode); ok {
			services++
			for _, e := range s.Decls {
				if _, ok := e.(*ast.RPCNode); ok {
					rpcs++
				}
			}
		}
	}
	return services, rpcs
}
