package handlers

import (
	"strings"
	"testing"
)

// A service that is in another package now takes its files to the folder of that one, as shop.v1 does that becomes shop.v2.
func TestSyncAcrossFolders(t *testing.T) {
	const emitted = "package shopV\n\nimport pb \"example.com/gen/shop/V\"\n\n// Get gets.\nfunc (c *Catalog) Get(r *pb.R) error {\n\treturn nil\n}\n"
	v1, v2 := strings.ReplaceAll(emitted, "V", "v1"), strings.ReplaceAll(emitted, "V", "v2")
	tests := map[string]struct{ owner, want string }{
		"edited":           {strings.Replace(v1, "return nil", "return mine", 1), strings.Replace(v2, "return nil", "return mine", 1)},
		"not touched":      {v1, v2},
		"a CRLF and a BOM": {"\uFEFF" + strings.ReplaceAll("// mine\n\n"+v1, "\n", "\r\n"), "\uFEFF" + strings.ReplaceAll("// mine\n\n"+v2, "\n", "\r\n")},
		"renamed package":  {strings.Replace(v1, "package shopv1", "package mine", 1), strings.Replace(v2, "package shopv2", "package mine", 1)},
		"external package": {strings.Replace(v1, "package shopv1", "package shopv1_test", 1), strings.Replace(v2, "package shopv2", "package shopv2_test", 1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := Sync(Package{
				Base: map[string][]byte{"v1/catalog.go": []byte(v1)}, New: map[string][]byte{"v2/catalog.go": []byte(v2)},
				Disk: map[string][]byte{"v1/catalog.go": []byte(tt.owner)}, Moved: map[string]string{"v1/catalog.go": "v2/catalog.go"},
			})
			if got := string(out["v2/catalog.go"].Content); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if old, ok := out["v1/catalog.go"]; !ok || old.Content != nil {
				t.Errorf("the old file stays: %+v", old)
			}
		})
	}
}
