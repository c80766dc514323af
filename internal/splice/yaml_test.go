package splice

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

var (
	layers = Path{"layers"}
	apps   = Path{"apps"}
	helm   = []Item{Text("helm")}
	web    = []Item{Mapping(Field{Key: "name", Text: "web"}, Field{Key: "services", List: []string{"*"}})}
)

var appendCases = []struct {
	name  string
	path  Path
	after string
	items []Item
	src   string
	want  string
}{
	{"flow", layers, "registry", helm, "layers: [docker] # on\n", "layers: [docker, helm] # on\n"},
	{"flow, more than one", layers, "registry", []Item{Text("a"), Text("b")}, "layers: [docker]\n", "layers: [docker, a, b]\n"},
	{"flow, trailing comma", layers, "registry", helm, "layers: [ docker, ]\n", "layers: [ docker, helm, ]\n"},
	{"flow, quoted", layers, "registry", helm, "layers: ['it''s', \"a\\\"b\"]\n", "layers: ['it''s', \"a\\\"b\", helm]\n"},
	{"flow, empty", layers, "registry", helm, "layers: []\n", "layers: [helm]\n"},
	{"flow, empty, with a comment", layers, "registry", helm, "layers: [ # none\n]\n", "layers: [helm # none\n]\n"},
	{"flow, on lines", layers, "registry", helm, "layers: [\n    docker, # ships\n  ]\n", "layers: [\n    docker, # ships\n    helm,\n  ]\n"},
	{"flow, on lines, no comma", layers, "registry", []Item{Text("helm"), Text("c")}, "layers: [\n  docker # ships\n]\n", "layers: [\n  docker, # ships\n  helm,\n  c\n]\n"},
	{"flow, wrapped", layers, "registry", helm, "layers: [a,\n  b]\n", "layers: [a,\n  b, helm]\n"},
	{"flow, wrapped, end below", layers, "registry", helm, "layers: [a, b\n]\n", "layers: [a, b, helm\n]\n"},
	{"block", layers, "registry", helm, "layers:\n  - docker # ships\n\n# apps\napps: []\n", "layers:\n  - docker # ships\n  - helm\n\n# apps\napps: []\n"},
	{"block, no indentation, wide gap", layers, "registry", helm, "layers:\n-   docker\nx: 1\n", "layers:\n-   docker\n-   helm\nx: 1\n"},
	{"block, no final newline", layers, "registry", helm, "layers:\n  - docker", "layers:\n  - docker\n  - helm"},
	{"block, comment at the end", layers, "registry", helm, "layers:\n  - docker\n  # - helm\n", "layers:\n  - docker\n  - helm\n  # - helm\n"},
	{"block, value below its dash", layers, "registry", helm, "layers:\n  -\n    docker\n", "layers:\n  -\n    docker\n  - helm\n"},
	{"null, written as nothing", layers, "registry", helm, "layers: # none yet\nx: 1\n", "layers: [helm] # none yet\nx: 1\n"},
	{"null, at the end", layers, "registry", helm, "x: 1\nlayers:", "x: 1\nlayers: [helm]"},
	{"null, written out", layers, "registry", helm, "layers: null # none\n", "layers: [helm] # none\n"},
	{"null, as a tilde", layers, "registry", helm, "layers: ~\nx: 1\n", "layers: [helm]\nx: 1\n"},
	{"no key", layers, "registry", helm, "registry: etcd # here\n\n# apps\napps: []\n", "registry: etcd # here\nlayers: [helm]\n\n# apps\napps: []\n"},
	{"no key, at the end", layers, "registry", helm, "a: 1\nregistry: etcd", "a: 1\nregistry: etcd\nlayers: [helm]"},
	{"no key, literal before", layers, "registry", helm, "registry: |-\n  etcd\nx: 1\n", "registry: |-\n  etcd\nlayers: [helm]\nx: 1\n"},
	{"no key, all in braces", layers, "registry", helm, "{registry: \"etcd\", x: 1}\n", "{registry: \"etcd\", layers: [helm], x: 1}\n"},
	{"needs quotes", layers, "registry", []Item{Text("*"), Text("1"), Text("ü x"), Text("true")}, "layers: [a]\n", "layers: [a, \"*\", \"1\", \"ü x\", \"true\"]\n"},

	{"app", apps, "", web, "apps:\n  - name: a\n    services: [b]\n    # clients: []\n", "apps:\n  - name: a\n    services: [b]\n    # clients: []\n  - name: web\n    services: [\"*\"]\n"},
	{"app, services on lines", apps, "", web, "apps:\n- name: a\n  services:\n  - b\n", "apps:\n- name: a\n  services:\n  - b\n- name: web\n  services:\n  - \"*\"\n"},
	{"app, services on indented lines", apps, "", web, "apps:\n  - name: a\n    services:\n      - b # c\n\nx: 1\n", "apps:\n  - name: a\n    services:\n      - b # c\n  - name: web\n    services:\n      - \"*\"\n\nx: 1\n"},
	{"app, only a name", apps, "", web, "apps:\n  - name: a\n", "apps:\n  - name: a\n  - name: web\n    services: [\"*\"]\n"},
	{"app, flow", apps, "", web, "apps: [{name: a, services: [b]}]\n", "apps: [{name: a, services: [b]}, {name: web, services: [\"*\"]}]\n"},
	{"app, flow in a block", apps, "", web, "apps:\n  - {name: a, services: [b]} # first\n", "apps:\n  - {name: a, services: [b]} # first\n  - {name: web, services: [\"*\"]}\n"},
	{"app, flow on lines", apps, "", web, "apps: [\n  {name: a,\n   services: [b]}\n]\n", "apps: [\n  {name: a,\n   services: [b]},\n  {name: web, services: [\"*\"]}\n]\n"},

	{"service", Path{"apps", 1, "services"}, "name", []Item{Text("a.B")}, "apps:\n  - name: a\n    services: [x]\n  - name: b # é\n    services: [y] # ü\n", "apps:\n  - name: a\n    services: [x]\n  - name: b # é\n    services: [y, a.B] # ü\n"},
	{"service, no key", Path{"apps", 0, "services"}, "name", []Item{Text("a.B")}, "apps:\n  - name: a # é\n    clients: [x]\n", "apps:\n  - name: a # é\n    services: [a.B]\n    clients: [x]\n"},
	{"service, no key, name alone", Path{"apps", 0, "services"}, "name", []Item{Text("a.B")}, "apps:\n  - name: a\n  - name: b\n", "apps:\n  - name: a\n    services: [a.B]\n  - name: b\n"},
	{"service, no key, flow", Path{"apps", 0, "services"}, "name", []Item{Text("a.B")}, "apps: [{name: 'a', clients: [x]}]\n", "apps: [{name: 'a', services: [a.B], clients: [x]}]\n"},
	{"after non-ASCII on its line", layers, "registry", helm, "{é: ü, layers: [ö]}\n", "{é: ü, layers: [ö, helm]}\n"},
	{"document marker", layers, "registry", helm, "# c\n---\nlayers: [a]\n", "# c\n---\nlayers: [a, helm]\n"},
}

// written are the ways in which an editor writes the same text.
var written = map[string]func(string) string{
	"plain":           func(s string) string { return s },
	"CRLF":            func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"byte order mark": func(s string) string { return byteOrderMark + s },
	"comment above":   func(s string) string { return "# é: ü\n# ö\n" + s },
	"CRLF comments":   func(s string) string { return strings.ReplaceAll("# é: ü\n\n# ö\n"+s, "\n", "\r\n") },
}

func TestAppend(t *testing.T) {
	for _, c := range appendCases {
		for way, write := range written {
			t.Run(c.name+"/"+way, func(t *testing.T) {
				src := write(c.src)
				got, err := Append([]byte(src), c.path, c.after, c.items...)
				want := write(c.want)
				if strings.HasPrefix(way, "CRLF") && !strings.Contains(src, "\n") {
					t.Skip("a text without a newline has no kind of newline")
				}
				if err != nil || string(got) != want {
					t.Errorf("Append(%q) = %q, %v; want %q", src, got, err, want)
				}
			})
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, src := range map[string]string{
		"not a list":      "layers: docker\n",
		"no such sibling": "apps: []\n",
		"no document":     "# nothing\n",
		"two documents":   "layers: []\n---\nlayers: []\n",
		"an alias":        "x: &a [b]\nlayers: *a\n",
		"an anchor":       "layers: &a [b]\nx: *a\n",
		"a list":          "- layers\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Append([]byte(src), layers, "registry", helm...); !errors.Is(err, ErrPlace) {
				t.Errorf("Append(%q) = %q, %v; want ErrPlace", src, got, err)
			}
		})
	}
	if _, err := Append([]byte("layers: [\n"), layers, "registry", helm...); err == nil {
		t.Error("a document that does not parse was added to")
	}
}

// keeps reports whether all bytes of a text are in another, in their order.
func keeps(out, src []byte) bool {
	for _, c := range src {
		i := bytes.IndexByte(out, c)
		if i < 0 {
			return false
		}
		out = out[i+1:]
	}
	return true
}

func FuzzAppend(f *testing.F) {
	for _, c := range appendCases {
		for _, write := range written {
			f.Add([]byte(write(c.src)))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4<<10 {
			t.Skip()
		}
		edits, err := appendEdits(src, layers, "registry", helm)
		if err != nil {
			return
		}
		dropped := 0
		for _, e := range edits {
			if dropped += e.drop; !strings.Contains("~ null Null NULL", string(src[e.at:e.at+e.drop])) {
				t.Errorf("it takes %q away", src[e.at:e.at+e.drop])
			}
		}
		out, err := Append(src, layers, "registry", helm...)
		if err != nil {
			return
		}
		if dropped == 0 && !keeps(out, src) {
			t.Errorf("%q has lost bytes of %q", out, src)
		}
		var v any
		if err := decode(out, &v); err != nil {
			t.Fatalf("%q does not parse: %v", out, err)
		}
		list, _ := v.(map[string]any)["layers"].([]any)
		if len(list) == 0 || list[len(list)-1] != "helm" {
			t.Errorf("%q does not have the item", out)
		}
		if again, err := Append(out, layers, "registry", helm...); err == nil && !keeps(again, out) {
			t.Errorf("%q has lost bytes of %q", again, out)
		}
	})
}
