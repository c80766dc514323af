package render

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/Masterminds/sprig/v3"
	"github.com/goccy/go-yaml"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/tree"
)

// layers makes a file system of layers: a file's name to its content.
func layers(files map[string]string) fs.FS {
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

func render(t *testing.T, files map[string]string, p *model.Project) ([]tree.File, error) {
	t.Helper()
	fsys := layers(files)
	loaded, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return Render(t.Context(), fsys, loaded, p)
}

func TestFunctionsAreDeterministic(t *testing.T) {
	for _, name := range strings.Fields(`env expandenv now date dateInZone date_modify ago toDate unixEpoch htmlDate duration
		uuidv4 randAlpha randAlphaNum randNumeric randAscii randInt randBytes shuffle genPrivateKey genCA genSelfSignedCert genSignedCert
		htpasswd bcrypt encryptAES getHostByName keys values pick`) {
		if _, ok := functions[name]; ok {
			t.Errorf("templates may call %s", name)
		}
	}
	all := sprig.TxtFuncMap()
	for _, name := range allowed {
		if _, ok := all[name]; !ok && functions[name] == nil {
			t.Errorf("sprig has no %s", name)
		}
	}
}

func TestRender(t *testing.T) {
	p := &model.Project{Name: "shop", Registry: "etcd"}
	p.Apps = []*model.App{{Project: p, Name: "front"}, {Project: p, Name: "back"}}
	svc := &model.Service{Project: p, Name: "Catalog"}
	svc.Handler = model.Handler{Package: model.Package{Dir: "internal/service/shop/v1"}, File: "catalog"}
	svc.Client = model.Package{Dir: "pkg/client/shop/v1/catalogclient"}
	other := &model.Service{Project: p, Name: "Called"}
	other.Client = model.Package{Dir: "pkg/client/called"}
	p.Services, p.Served = []*model.Service{other, svc}, []*model.Service{svc}
	p.ThirdParty = []model.ThirdParty{{File: "google/api/http.proto", Source: "{{.NotATemplate}}"}, {File: "x.proto"}}
	files, err := render(t, map[string]string{
		"core/layer.yaml":                         "always: true\ndecl: [\"internal/service/[service].go\"]",
		"core/README.md.tmpl":                     "# {{.Name}}\n",
		"core/.hidden.tmpl":                       "h",
		"core/notes.txt":                          "not a template",
		"core/blank.tmpl":                         " \n{{if false}}x{{end}}\n",
		"core/cmd/[app]/main.go.tmpl":             "package main // {{.Name}}",
		"core/gen/x.go.tmpl":                      "package x",
		"core/gen/third_party/[import].tmpl":      "{{.Source}}",
		"core/internal/service/[service].go.tmpl": "package v1 // {{.Name}}",
		"core/pkg/client/[client]/client.go.tmpl": "package c // {{.Name}}",
		"other/layer.yaml":                        "title: off",
		"other/off.tmpl":                          "{{.NotParsedEither",
		"registry-etcd/layer.yaml":                "when: {registry: etcd}\ndelims: ['<<', '>>']",
		"registry-etcd/etcd.yaml.tmpl":            "<<.Name>> {{.Name}}",
		"discovery/layer.yaml":                    "when: {discovers: true}",
		"discovery/resolver.tmpl":                 "x",
		"registration/layer.yaml":                 "when: {registers: true}",
		"registration/registrar.tmpl":             "x",
		"registry-none/layer.yaml":                "when: {registry: none}",
		"registry-none/none.tmpl":                 "x",
		"nolayer/x.tmpl":                          "x",
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%s %s %s: %q", f.Path, f.Class, f.Template, f.Content))
	}
	slices.Sort(got)
	want := []string{
		`.hidden merge core/.hidden.tmpl: "h"`,
		`README.md merge core/README.md.tmpl: "# shop\n"`,
		`cmd/back/main.go merge core/cmd/[app]/main.go.tmpl: "package main // back\n"`,
		`cmd/front/main.go merge core/cmd/[app]/main.go.tmpl: "package main // front\n"`,
		`etcd.yaml merge registry-etcd/etcd.yaml.tmpl: "shop {{.Name}}"`,
		`gen/third_party/google/api/http.proto owned core/gen/third_party/[import].tmpl: "{{.NotATemplate}}"`,
		`gen/x.go owned core/gen/x.go.tmpl: "package x\n"`,
		`internal/service/shop/v1/catalog.go decl core/internal/service/[service].go.tmpl: "package v1 // Catalog\n"`,
		`pkg/client/called/client.go merge core/pkg/client/[client]/client.go.tmpl: "package c // Called\n"`,
		`pkg/client/shop/v1/catalogclient/client.go merge core/pkg/client/[client]/client.go.tmpl: "package c // Catalog\n"`,
		`registrar merge registration/registrar.tmpl: "x"`,
		`resolver merge discovery/resolver.tmpl: "x"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTemplateErrorsNameTheirPlace(t *testing.T) {
	tests := map[string]struct{ file, content, want string }{
		"a syntax error":      {"a/b.txt.tmpl", "x\n\n{{.Name", "templates/core/a/b.txt.tmpl:3:1: "},
		"an unknown function": {"b.tmpl", "x\n  {{env \"HOME\"}}", "templates/core/b.tmpl:2:1: "},
		"an unknown field":    {"b.tmpl", "x\n  {{.Nope}}", "templates/core/b.tmpl:2:5: "},
		"a failing call":      {"b.tmpl", "x\n\n\ty {{fail \"no\"}}", "templates/core/b.tmpl:3:6: "},
		"one in a template":   {"b.tmpl", "{{define \"d\"}}\n{{.Nope}}{{end}}{{template \"d\" .}}", "templates/core/b.tmpl:2:3: "},
		"not Go":              {"b.go.tmpl", "package b\n\nfunc {", "templates/core/b.go.tmpl: it does not render to Go for b.go: 3:6: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, map[string]string{"core/layer.yaml": "always: true", "core/" + tt.file: tt.content}, &model.Project{Name: "shop"})
			var found diag.Set
			if !errors.As(err, &found) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s…", err, tt.want)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	if _, err := Load(layers(map[string]string{"x/layer.yaml": "titel: typo"})); err == nil || !strings.Contains(err.Error(), "templates/x/layer.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestLayers(t *testing.T) {
	loaded, err := Load(layers(map[string]string{
		"core/layer.yaml": "always: true", "docker/layer.yaml": "default: true", "helm/layer.yaml": "default: true",
		"extra/layer.yaml": "title: Extra", "registry-etcd/layer.yaml": "when: {registry: etcd}",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := OptionalNames(loaded); !slices.Equal(got, []string{"docker", "extra", "helm"}) {
		t.Errorf("optional are %v", got)
	}
	got, err := Choose(loaded, []string{"extra"}, []string{"helm"})
	if err != nil || !slices.Equal(got, []string{"docker", "extra"}) {
		t.Errorf("chosen are %v, %v", got, err)
	}
	for _, name := range []string{"core", "registry-etcd", "nope"} {
		if _, err := Choose(loaded, nil, []string{name}); err == nil {
			t.Errorf("%s is for svc.yaml to switch", name)
		}
		err := CheckLayers(loaded, []manifest.Ref{{Name: "docker"}, {Name: name, Pos: diag.Pos{File: "svc.yaml", Line: 3, Col: 9}}})
		if err == nil || !strings.HasPrefix(err.Error(), "svc.yaml:3:9: there is no layer "+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestComment(t *testing.T) {
	tests := map[string]struct {
		lines []string
		want  string
	}{
		"none":      {nil, ""},
		"lines":     {[]string{"a", "", " indented */"}, "// a\n//\n//  indented */"},
		"directive": {[]string{"go:build ignore"}, "// go:build ignore"},
	}
	for name, tt := range tests {
		if got := comment("//", tt.lines); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// FuzzYAMLString checks that text from a contract stays what it is in YAML.
func FuzzYAMLString(f *testing.F) {
	for _, s := range []string{"a", "yes", "a: b # c", "\"'\\", "{{ .X }}", "a\nb", "\u2028\u2029\u0085", "\x00\x7f", "<script>", "`x`|*_[]()#", "ä😀", "\ufeff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := yamlString(s)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ A, B string }
		if err := yaml.Unmarshal([]byte("a: "+quoted+" # c\nb: z\n"), &got); err != nil || got.A != strings.ToValidUTF8(s, "\ufffd") && strings.ToValidUTF8(s, "") == s || got.B != "z" {
			t.Errorf("%q as YAML is %s, and reads as %q, %v", s, quoted, got, err)
		}
	})
}
