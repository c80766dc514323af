package godecl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
)

func TestRename(t *testing.T) {
	names := map[string]string{"Catalog": "Products", "NewCatalog": "NewProducts"}
	tests := map[string]struct{ src, want, notes string }{
		"declared and used": {
			"type Catalog struct{}\n\nfunc NewCatalog() *Catalog { return &Catalog{} }",
			"type Products struct{}\n\nfunc NewProducts() *Products { return &Products{} }", "",
		},
		"used from another file": {"var c = NewCatalog()", "var c = NewProducts()", ""},
		"receivers":              {"func (c *Catalog) Get(d Catalog) {}", "func (c *Products) Get(d Products) {}", ""},
		"generic":                {"func (c *Catalog[T]) Get() map[string]Catalog[int] { return nil }", "func (c *Products[T]) Get() map[string]Products[int] { return nil }", ""},
		"selected":               {"var c pb.Catalog = x.Catalog", "var c pb.Catalog = x.Catalog", ""},
		"field":                  {"type t struct{ Catalog int }\n\nvar v = t{Catalog: 1}", "type t struct{ Catalog int }\n\nvar v = t{Catalog: 1}", ""},
		"method":                 {"func (t) Catalog() {}\n\ntype i interface{ Catalog() }", "func (t) Catalog() {}\n\ntype i interface{ Catalog() }", ""},
		"label":                  {"func f() {\nCatalog:\n\tfor {\n\t\tbreak Catalog\n\t}\n}", "func f() {\nCatalog:\n\tfor {\n\t\tbreak Catalog\n\t}\n}", ""},
		"embedded":               {"type t struct{ *Catalog }", "type t struct{ *Products }", "3: the embedded Catalog is now called Products: check where it is used as a field\n"},
		"local":                  {"func f(Catalog int) { _ = Catalog }", "func f(Catalog int) { _ = Catalog }", "3: a local Catalog is not the package's, which is now called Products: check that it should be\n"},
		"local, before and after": {
			"func f() {\n\t_ = Catalog{}\n\tCatalog := 1\n\t_ = Catalog\n}",
			"func f() {\n\t_ = Products{}\n\tCatalog := 1\n\t_ = Catalog\n}",
			"5: a local Catalog is not the package's, which is now called Products: check that it should be\n",
		},
		"hidden": {"func f(Products int) Catalog { return Catalog{} }", "func f(Products int) Catalog { return Catalog{} }", "3: Catalog is now called Products, which is a local name here: rename one of them\n"},
		"type parameter": {
			"func f[Catalog any](c Catalog) {}", "func f[Catalog any](c Catalog) {}",
			"3: a local Catalog is not the package's, which is now called Products: check that it should be\n",
		},
		"comments, strings": {"// Catalog is mine.\nvar s = \"Catalog\"", "// Catalog is mine.\nvar s = \"Catalog\"", ""},
		"aligned": {
			"var m = map[string]any{\n\t\"a\":   Catalog{}, // a\n\t\"bcd\": 1,         // b\n}",
			"var m = map[string]any{\n\t\"a\":   Products{}, // a\n\t\"bcd\": 1,          // b\n}", "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			content, list, err := Rename([]byte("package p\n\n"+tt.src+"\n"), names)
			if err != nil {
				t.Fatal(err)
			}
			notes := ""
			for _, n := range list {
				notes += fmt.Sprintf("%d: %s\n", n.Line, n.Text)
			}
			if want := "package p\n\n" + tt.want + "\n"; string(content) != want || notes != tt.notes {
				t.Errorf("got\n%s%s\nwant\n%s%s", content, notes, want, tt.notes)
			}
		})
	}
}

// There and back again: every declaration of a package gets another name in all of its files, and its own again.
func TestRenameTheStandardLibrary(t *testing.T) {
	n := 0
	for _, dir := range []string{"net/http", "go/ast", "encoding/json"} {
		sources := map[string][]byte{}
		there, back := map[string]string{}, map[string]string{}
		files, err := filepath.Glob(filepath.Join(goRoot(t), "src", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sources[name] = src
			f, err := Parse(name, src)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range f.Keys() {
				if key != "_" && !strings.Contains(key, ".") && !strings.HasSuffix(f.PackageName(), "_test") {
					there[key], back[key+"X9q"] = key+"X9q", key
				}
			}
		}
		for name, src := range sources {
			renamed, _, err := Rename(src, there)
			if err != nil {
				t.Fatal(err)
			}
			again, hidden, err := Rename(renamed, back)
			if len(hidden) > 0 {
				continue // a local name of a declaration is in the way back
			}
			n++
			if err != nil || !Same(again, src) { // a longer name may have broken a function on one line
				t.Errorf("%s has changed: %v\n%s", name, err, udiff.Unified("before", "after", string(src), string(again)))
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d files", n)
	}
}
