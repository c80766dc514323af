package handlers

import (
	"fmt"
	"strings"
	"testing"
)

// large is a package of five services with six rpcs each, all of which their owner has implemented and tested.
func large(t testing.TB, request string) map[string][]byte {
	var contract strings.Builder
	for s := range 5 {
		fmt.Fprintf(&contract, "Service%c:", 'A'+s)
		for m := range 6 {
			fmt.Fprintf(&contract, " Do%c unary %s Product;", 'A'+m, request)
		}
		contract.WriteString("\n")
	}
	return emit(t, contract.String())
}

func edited(emitted map[string][]byte) map[string][]byte {
	disk := map[string][]byte{}
	for name, src := range emitted {
		text := strings.ReplaceAll(string(src), "return nil, status.Error(codes.Unimplemented,", "h.log(req) // mine\n\treturn nil, h.fail(")
		text = strings.ReplaceAll(text, "\t\tt.Run(", "\t\tt.Log(name) // mine\n\t\tt.Run(")
		disk[name] = []byte(text)
	}
	return disk
}

// All signatures and all tests of the package change. It has to take well under 5 ms.
func BenchmarkSync(b *testing.B) {
	base := large(b, "GetRequest")
	p := Package{Base: base, New: large(b, "FetchRequest"), Disk: edited(base)}
	for b.Loop() {
		if out := Sync(p); len(out) != 10 {
			b.Fatal(len(out))
		}
	}
}

// One rpc of the package changes.
func BenchmarkSyncOne(b *testing.B) {
	base, next := large(b, "GetRequest"), large(b, "GetRequest")
	for name, src := range next {
		if strings.Contains(name, "servicea") {
			next[name] = []byte(strings.Replace(string(src), "pb.GetRequest", "pb.FetchRequest", 1))
		}
	}
	p := Package{Base: base, New: next, Disk: edited(base)}
	for b.Loop() {
		if out := Sync(p); len(out) != 2 {
			b.Fatal(len(out))
		}
	}
}
