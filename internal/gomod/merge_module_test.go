package gomod

import (
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	const base = "module m\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0\n\texample.com/dropped v1.0.0\n)\n\nrequire example.com/i v1.0.0 // indirect\n"
	const disk = "module m // mine\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.5.0 // held back\n\texample.com/b v1.0.0\n\texample.com/own v0.1.0\n)\n\nrequire example.com/i v1.0.0 // indirect\n\nreplace example.com/own => ../own\n"
	const next = "module m\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.2.0\n\texample.com/b v1.1.0\n\texample.com/dropped v1.1.0\n\texample.com/n v1.0.0\n)\n\nrequire example.com/i v1.3.0 // indirect\n\ntool example.com/n/cmd/n\n"
	const want = `module m // mine

go 1.26.0

require (
	example.com/a v1.5.0 // held back
	example.com/b v1.1.0
	example.com/own v0.1.0
)

require example.com/n v1.0.0

require example.com/i v1.3.0 // indirect

replace example.com/own => ../own

tool example.com/n/cmd/n
`
	got, err := Merge([]byte(base), []byte(disk), []byte(next))
	if err != nil || string(got) != want {
		t.Errorf("got\n%s\n%v", got, err)
	}
	again, err := Merge([]byte(next), got, []byte(next))
	if err != nil || string(again) != string(got) {
		t.Errorf("a second merge changes it: %v\n%s", err, again)
	}
}

// TestMergeIndirect marks a requirement as svc does, as long as its owner hasn't.
func TestMergeIndirect(t *testing.T) {
	const direct, indirect = "module m\n\nrequire x.com/x v1.0.0\n", "module m\n\nrequire x.com/x v1.0.0 // indirect\n"
	tests := map[string]struct{ base, disk, next, want string }{
		"begins to be imported": {indirect, indirect, direct, direct},
		"is no longer imported": {direct, direct, indirect, indirect},
		"the owner imports it":  {indirect, direct, indirect, direct},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Merge([]byte(tt.base), []byte(tt.disk), []byte(tt.next))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// TestMergeModule follows the module's path where its owner has left it as it was.
func TestMergeModule(t *testing.T) {
	tests := map[string]struct{ base, disk, next, want string }{
		"svc's":     {"module a\n", "// mine\nmodule a // mine\n\nrequire x.com/x v1.0.0\n", "module b\n", "// mine\nmodule b // mine\n\nrequire x.com/x v1.0.0\n"},
		"a block":   {"module a\n", "module (\n\ta\n)\n\nrequire x.com/x v1.0.0\n", "module b\n", "module b\n\nrequire x.com/x v1.0.0\n"},
		"quoted":    {"module a\n", "module \"a\"\n\nrequire x.com/x v1.0.0\n", "module b\n", "module b\n\nrequire x.com/x v1.0.0\n"},
		"the owner": {"module a\n", "module mine\n", "module b\n", "module mine\n"},
		"unchanged": {"module a\n", "module mine\n", "module a\n", "module mine\n"},
		"none":      {"module a\n", "require x.com/x v1.0.0\n", "module b\n", "require x.com/x v1.0.0\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Merge([]byte(tt.base), []byte(tt.disk), []byte(tt.next))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// TestMergeKeepsLineEnds checks that a merge writes lines as the owner's editor does, and a byte order mark.
func TestMergeKeepsLineEnds(t *testing.T) {
	const base, next = "module m\n\ngo 1.26.0\n", "module m\n\ngo 1.26.0\n\nrequire x.com/x v1.0.0\n"
	const want = "module m // mine\n\ngo 1.26.0\n\nrequire x.com/x v1.0.0\n"
	for name, tt := range map[string]struct{ disk, want string }{
		"LF":               {"module m // mine\n\ngo 1.26.0\n", want},
		"CRLF":             {"module m // mine\r\n\r\ngo 1.26.0\r\n", strings.ReplaceAll(want, "\n", "\r\n")},
		"BOM":              {"\uFEFFmodule m // mine\n\ngo 1.26.0\n", "\uFEFF" + want},
		"both":             {"\uFEFFmodule m // mine\r\n\r\ngo 1.26.0\r\n", "\uFEFF" + strings.ReplaceAll(want, "\n", "\r\n")},
		"mostly LF":        {"module m // mine\r\n\ngo 1.26.0\n", want},
		"no final newline": {"module m // mine\r\n\r\ngo 1.26.0", strings.ReplaceAll(want, "\n", "\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Merge([]byte(base), []byte(tt.disk), []byte(next))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestMergeKeepsAFileThatDoesNotParse(t *testing.T) {
	if _, err := Merge([]byte("module m\n"), []byte("modul m\n"), []byte("module m\n")); err == nil {
		t.Error("no error")
	}
}

func TestMergeSum(t *testing.T) {
	const a1, a1mod, a10, b = "a v0.9.0 h1:x=", "a v0.9.0/go.mod h1:y=", "a v0.10.0 h1:z=", "b v1.0.0 h1:w="
	got := string(MergeSum([]byte(b+"\n"+a1mod+"\n"+a1+"\n"), []byte(a10+"\n"+a1+"\n")))
	if want := a1 + "\n" + a1mod + "\n" + a10 + "\n" + b + "\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
