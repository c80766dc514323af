package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/svcgen/svc/internal/diag"
)

const minimal = `version: 1
name: shop
module: github.com/acme/shop
proto: {roots: [api]}
registry: etcd
apps: [{name: shop, services: ["*"]}]
`

func TestParse(t *testing.T) {
	m, err := Parse("svc.yaml", []byte(`# A comment.
version: 1
"name": shop
module: "github.com/acme/shop/v2"
proto:
  roots:
    - api
    - third_party/protos
registry: none
layers:
apps:
  - name: front
    services: ["*"]
    clients: [acme.pay.v1.Payments]
  - name: back
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Name: "shop", Module: "github.com/acme/shop/v2", Registry: "none",
		Proto: Proto{Roots: []string{"api", "third_party/protos"}},
		Apps: []App{
			{Name: "front", Pos: at(12, 5), Services: []Ref{{"*", at(13, 16)}}, Clients: []Ref{{"acme.pay.v1.Payments", at(14, 15)}}},
			{Name: "back", Pos: at(15, 5)},
		},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
}

func at(line, col int) diag.Pos { return diag.Pos{File: "svc.yaml", Line: line, Col: col} }

// with returns the minimal manifest with a line replaced, by the key that it starts with; an empty line takes it away.
func with(key, line string) string {
	lines := strings.Split(minimal, "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, key+":") })
	lines[i] = line
	return strings.Join(lines, "\n")
}

func TestParseFindings(t *testing.T) {
	tests := map[string]struct {
		manifest string
		want     []string
	}{
		"all at once": {
			"version: 2\nname: Shop\nmodul: x\nproto: {roots: [/abs, api], more: 1}\nregistry: zookeeper\napps:\n  - services: x\n  - {name: a, clients: [\"*\", 3]}\n  - name: a\n",
			[]string{
				"svc.yaml:1:1: module is missing",
				"svc.yaml:1:10: version 2 is not supported: this svc reads version 1",
				`svc.yaml:2:7: name: "Shop" is not a name: use 1 to 40 of a-z, 0-9 and -, starting with a letter and not ending in -`,
				"svc.yaml:3:1: unknown key modul in svc.yaml",
				`svc.yaml:4:17: proto.roots: "/abs" is not a path relative to the project, written with slashes`,
				"svc.yaml:4:29: unknown key more in proto",
				`svc.yaml:5:11: registry: unknown registry "zookeeper": use one of etcd, consul, kubernetes, mdns, static, none`,
				"svc.yaml:7:5: name is missing",
				"svc.yaml:7:15: services must be a list, not text",
				"svc.yaml:8:25: clients takes no *",
				"svc.yaml:8:30: an entry of clients must be text, not a number",
				"svc.yaml:9:5: app a is declared twice, first at svc.yaml:8:6",
			},
		},
		"empty":          {"", []string{"svc.yaml:1:1: one YAML document is expected"}},
		"only a comment": {"# nothing\n", []string{"svc.yaml:1:1: one YAML document is expected"}},
		"two documents":  {minimal + "---\n" + minimal, []string{"svc.yaml:1:1: one YAML document is expected"}},
		"a list":         {"- 1\n", []string{"svc.yaml:1:1: svc.yaml must be a mapping, not a list"}},
		"a scalar":       {"shop\n", nil},
		"a tab":          {"version: 1\n\tname: x\n", nil},
		"not UTF-8":      {"name: \xff\n", nil},
		"a conflict of git's": {"version: 1\n<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> theirs\n", []string{
			`svc.yaml:2:1: git has left a conflict here`,
		}},
		"a duplicate key":    {minimal + "name: again\n", []string{`svc.yaml:7:1: not valid YAML: mapping key "name" already defined at [2:1]`}},
		"a duplicate in app": {with("apps", "apps: [{name: a, name: b}]"), nil},
		"an anchor":          {with("name", "name: &n shop"), []string{"svc.yaml:2:7: name is an anchor or alias, which svc.yaml doesn't take"}},
		"an alias":           {with("module", "module: *n"), nil},
		"a merge key":        {minimal + "<<: {name: x}\n", []string{"svc.yaml:7:1: unknown key << in svc.yaml"}},
		"a nested alias":     {with("apps", "apps: [*a]"), nil},
		"a tag":              {with("name", "name: !!str shop"), []string{"svc.yaml:2:7: name must be text, not a value with a tag"}},
		"version in quotes":  {with("version", `version: "1"`), []string{`svc.yaml:1:10: version "1" is not supported: this svc reads version 1`}},
		"null version":       {with("version", "version:"), []string{"svc.yaml:1:1: version is missing"}},
		"no apps":            {with("apps", "apps: []"), []string{"svc.yaml:1:1: apps is missing or empty"}},
		"both sources":       {with("proto", "proto: {roots: [api], descriptor_set: a.binpb}"), []string{"svc.yaml:4:9: proto takes either roots or descriptor_set"}},
		"no source":          {with("proto", "proto: {}"), nil},
		"a null in a list":   {with("proto", "proto: {roots: [null]}"), []string{"svc.yaml:4:17: an entry of proto.roots must be text, not null"}},
		"a mapping as text":  {with("name", "name: {a: b}"), []string{"svc.yaml:2:8: name must be text, not a mapping"}},
		"a list as text":     {with("name", "name: [a]"), []string{"svc.yaml:2:7: name must be text, not a list"}},
		"a number as text":   {with("name", "name: 1.5"), []string{"svc.yaml:2:7: name must be text, not a number"}},
		"infinity as text":   {with("name", "name: .inf"), []string{"svc.yaml:2:7: name must be text, not a number"}},
		"a boolean as text":  {with("name", "name: true"), []string{"svc.yaml:2:7: name must be text, not true or false"}},
		"a number as a list": {with("apps", "apps: [{name: a, services: 1}]"), []string{"svc.yaml:6:28: services must be a list, not a number"}},
		"a block as a list":  {minimal + "layers: |\n  docker\n", []string{"svc.yaml:7:9: layers must be a list, not text"}},
		"text as a mapping":  {with("proto", "proto: api"), []string{"svc.yaml:4:8: proto must be a mapping, not text"}},
		"calls": {minimal + "calls: {a.v1.S: {timeout: -1s, retry: 3}, \"a b\": {retries: 1}}\n", []string{
			`svc.yaml:7:27: timeout: "-1s" is not a time in seconds`,
			"svc.yaml:7:39: retry must be true or false, not a number",
			`svc.yaml:7:43: calls: "a b" is not a fully-qualified name`,
			"svc.yaml:7:51: unknown key retries in a b",
		}},
		"text as an app": {with("apps", "apps: [a]"), []string{"svc.yaml:6:8: an app must be a mapping, not text"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("svc.yaml", []byte(tt.manifest))
			var found diag.Set
			if !errors.As(err, &found) {
				t.Fatalf("got %v, want findings", err)
			}
			var got []string
			for _, d := range found {
				if d.Line == 0 || d.Col == 0 {
					t.Errorf("no position: %+v", d)
				}
				got = append(got, fmt.Sprintf("%s: %s", d.Pos, d.Message))
			}
			if tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestCheckName(t *testing.T) {
	good := []string{"a", "shop", "my-shop", "shop2", strings.Repeat("a", 40), "main", "test", "etcd2", "wire"}
	bad := strings.Fields("Shop 2shop shop- -shop my_shop my.shop true false null yes no on off y n etcd vendor testdata internal con aux com1 ../x a/b")
	for _, name := range good {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range append(bad, "", "a b", "ä", strings.Repeat("a", 41), "a\n") {
		if CheckName(name) == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}

func TestCheckModule(t *testing.T) {
	good := strings.Fields("shop github.com/acme/shop github.com/acme/shop/v2 example.com/a_b/C-d gopkg.in/x.v2 main git.local/x/internal/y")
	bad := strings.Fields("fmt net/http net/mine encoding/json cmd internal/x /x x/ a//b ../x a/../b x/v1 x/v0 x/v01 gopkg.in/x a/vendor/b a:b a\\b vendor")
	for _, p := range good {
		if err := CheckModule(p); err != nil {
			t.Error(err)
		}
	}
	for _, p := range append(bad, "", "a b", "größe/x", "x@v1") {
		if CheckModule(p) == nil {
			t.Errorf("%q is taken for a module path", p)
		}
	}
}

// TestCheckModuleStandardLibrary holds the list of reserved elements to what this Go has.
func TestCheckModuleStandardLibrary(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "std", "cmd").Output()
	if err != nil {
		t.Fatal(err)
	}
	for p := range strings.FieldsSeq(string(out)) {
		if CheckModule(p) == nil {
			t.Errorf("%s is part of the standard library, and taken for a module path", p)
		}
	}
}

func TestNameFromModule(t *testing.T) {
	tests := map[string]string{
		"github.com/acme/shop":    "shop",
		"github.com/acme/shop/v2": "shop",
		"gopkg.in/shop.v3":        "shop",
		"example.com/My_Shop":     "my-shop",
		"shop":                    "shop",
	}
	for module, want := range tests {
		if got := NameFromModule(module); got != want {
			t.Errorf("%s: got %s, want %s", module, got, want)
		}
	}
}

// FuzzFormat checks that what is written is read back, whatever the paths and names hold.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"api", "true", "null", "~", "1", "1.5", "0x1", "- a", "a: b", "a #b", "#a", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", `"a"`, "'a'", "a,b", "[a]", "{a}", " a ", "a\nb", "a\tb", "ä", "\u2028", "?", ".", "..", "=", "<<", "2001-01-01", "\u0085", "\ufeff", "\x7f", "---", "..."} {
		f.Add(s, "shop.v1.Catalog", false)
		f.Add("api", s, true)
	}
	f.Fuzz(func(t *testing.T, p, service string, set bool) {
		m := &Manifest{
			Name: "shop", Module: "example.com/shop", Registry: "etcd", Layers: Refs("docker", service),
			Apps: []App{{Name: "shop", Services: Refs("*", service)}, {Name: "other", Clients: Refs(service)}},
		}
		if m.Proto.Roots = []string{p, "api"}; set {
			m.Proto = Proto{DescriptorSet: p}
		}
		if checkLocalPath(p) != nil || service == "*" || !representable(p) || !representable(service) {
			t.Skip("not a valid manifest")
		}
		content := Format(m)
		got, err := Parse("svc.yaml", content)
		if err != nil {
			t.Fatalf("%v\n%s", err, content)
		}
		if got = withoutPositions(got); !reflect.DeepEqual(got, m) {
			t.Errorf("got  %+v\nwant %+v\n%s", got, m, content)
		}
		if again := Format(got); !bytes.Equal(again, content) {
			t.Errorf("Format is not stable:\n%s\n%s", content, again)
		}
	})
}

// representable reports whether YAML can hold s at all.
func representable(s string) bool { return strings.ToValidUTF8(s, "") == s }

func withoutPositions(m *Manifest) *Manifest {
	bare := func(refs []Ref) []Ref {
		if len(refs) == 0 {
			return nil
		}
		return Refs(names(refs)...)
	}
	m.Layers = bare(m.Layers)
	for i, a := range m.Apps {
		m.Apps[i] = App{Name: a.Name, Services: bare(a.Services), Clients: bare(a.Clients)}
	}
	return m
}

// FuzzParse checks that no input takes Parse down, and that each finding says where.
func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("a: &a [*a]\n<<: *a\n"))
	f.Add([]byte("? [a, b]\n: c\n"))
	f.Add([]byte("apps: [{name: &x a, clients: [*x, !!int 3, |\n x]}]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := Parse("svc.yaml", content)
		var found diag.Set
		switch {
		case err == nil && m == nil:
			t.Error("neither a manifest nor an error")
		case err != nil && !errors.As(err, &found):
			t.Errorf("not findings: %v", err)
		}
		for _, d := range found {
			if d.Line == 0 {
				t.Errorf("no position: %+v", d)
			}
		}
	})
}

// TestSchema holds the schema, which editors use, to what Parse takes. What only Parse can know is left out:
// rules about several keys, and those of Go module paths.
func TestSchema(t *testing.T) {
	schema := compileSchema(t)
	manifests := map[string]bool{
		minimal: true,
		with("proto", "proto: {descriptor_set: a.binpb}"): true,
		with("proto", "proto: {roots: [.]}"):              true,
		with("apps", "apps: [{name: a}]"):                 true,
		with("apps", "apps: [{name: a, services: null}]"): true,
		with("registry", "registry: none"):                true,
		minimal + "layers:\n":                             true,
		minimal + "layers: [docker]\n":                    true,
		minimal + "layers: docker\n":                      false,
		minimal + "layers: [1]\n":                         false,
		minimal + "extra: 1\n":                            false,
		minimal + "calls:\n":                              true,
		minimal + "calls: {a.v1.S.Get: {timeout: 0.5s, retry: true, wait_for_ready: false}}\n": true,
		minimal + "calls: {a.v1.S: {timeout: 90s}, a.v1.S.Get: {retry: false}}\n":              true,
		minimal + "calls: {a.v1.S: {}}\n":                                                      true,
		minimal + "calls: {a.v1.S: {timeout: null}}\n":                                         true,
		minimal + "calls: {a.v1.S: {timeout: 5}}\n":                                            false,
		minimal + "calls: {a.v1.S: {timeout: 0.0s}}\n":                                         false,
		minimal + "calls: {a.v1.S: {timeout: 500ms}}\n":                                        false,
		minimal + "calls: {a.v1.S: {timeout: soon}}\n":                                         false,
		minimal + "calls: {a.v1.S: {retry: maybe}}\n":                                          false,
		minimal + "calls: {a.v1.S: {retries: 3}}\n":                                            false,
		minimal + "calls: {\"a b\": {}}\n":                                                     false,
		minimal + "calls: [a]\n":                                                               false,
		minimal + "moved:\n":                                                                   true,
		minimal + "moved: {a.v1.S.Get: a.v1.S.Fetch}\n":                                        true,
		minimal + "moved: {a.v1: a.v2}\n":                                                      true,
		minimal + "moved: {a: 1}\n":                                                            false,
		minimal + "moved: {\"a b\": c}\n":                                                      false,
		minimal + "moved: {a: b.}\n":                                                           false,
		minimal + "moved: [a]\n":                                                               false,
		with("version", ""):                                                                    false,
		with("version", "version: 2"):                                                          false,
		with("version", `version: "1"`):                                                        false,
		with("name", ""):                                                                       false,
		with("name", "name: Shop"):                                                             false,
		with("name", "name: 1"):                                                                false,
		with("name", `name: "yes"`):                                                            false,
		with("name", "name: etcd"):                                                             false,
		with("name", "name: con"):                                                              false,
		with("name", "name: lpt9"):                                                             false,
		with("name", "name: yesterday"):                                                        true,
		with("module", ""):                                                                     false,
		with("module", `module: ""`):                                                           false,
		with("proto", ""):                                                                      false,
		with("proto", "proto: {}"):                                                             false,
		with("proto", "proto: {roots: []}"):                                                    false,
		with("proto", `proto: {roots: [""]}`):                                                  false,
		with("proto", "proto: {roots: [/api]}"):                                                false,
		with("proto", `proto: {roots: ["a\\b"]}`):                                              false,
		with("proto", `proto: {roots: ["C:/x"]}`):                                              false,
		with("proto", "proto: {roots: [../protos]}"):                                           true,
		with("proto", "proto: {roots: [a], descriptor_set: b}"):                                false,
		with("proto", "proto: {descriptor_set: /b}"):                                           false,
		with("proto", "proto: api"):                                                            false,
		with("registry", ""):                                                                   false,
		with("registry", "registry: eureka"):                                                   false,
		with("apps", ""):                                                                       false,
		with("apps", "apps: []"):                                                               false,
		with("apps", "apps: [a]"):                                                              false,
		with("apps", "apps: [{services: []}]"):                                                 false,
		with("apps", "apps: [{name: a, more: 1}]"):                                             false,
		with("apps", `apps: [{name: a, clients: ["*"]}]`):                                      false,
		with("apps", `apps: [{name: a, clients: [x.Y]}]`):                                      true,
		with("apps", `apps: [{name: a, services: x.Y}]`):                                       false,
	}
	for manifest, want := range manifests {
		_, err := Parse("svc.yaml", []byte(manifest))
		if (err == nil) != want {
			t.Errorf("Parse: got %v, want %t, for:\n%s", err, want, manifest)
		}
		if err := schema.Validate(decode(t, manifest)); (err == nil) != want {
			t.Errorf("schema: got %v, want %t, for:\n%s", err, want, manifest)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("svc.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("svc.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func decode(t *testing.T, manifest string) any {
	t.Helper()
	content, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSchemaNames holds the schema's pattern of reserved names to the list of CheckName.
func TestSchemaNames(t *testing.T) {
	schema := compileSchema(t)
	for _, list := range reservedNames {
		for _, name := range list {
			if schema.Validate(decode(t, with("name", fmt.Sprintf("name: %q", name)))) == nil {
				t.Errorf("the schema takes the name %s", name)
			}
		}
	}
}

// TestParseWindows checks that a byte order mark and CRLF change neither what is read nor where it is.
func TestParseWindows(t *testing.T) {
	text := "# one\n# two\n" + minimal + "# three\nextra: 1\n"
	_, want := Parse("svc.yaml", []byte(text))
	_, got := Parse("svc.yaml", []byte("\uFEFF"+strings.ReplaceAll(text, "\n", "\r\n")))
	if want == nil || got == nil || got.Error() != want.Error() {
		t.Errorf("got %v, want %v", got, want)
	}
}
