package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/ui"
)

// prompter answers questions by their beginning, and gives the preset to those it knows no answer to.
type prompter struct {
	answers   map[string]string
	interrupt string // the question that Ctrl-C answers
	asked     []string
	refused   []string // what was wrong with an answer; the preset is given then
}

func (p *prompter) answer(question, preset string) (string, error) {
	p.asked = append(p.asked, fmt.Sprintf("%s [%s]", question, preset))
	if p.interrupt != "" && strings.HasPrefix(question, p.interrupt) {
		return "", ui.ErrInterrupted
	}
	for beginning, answer := range p.answers {
		if strings.HasPrefix(question, beginning) {
			return answer, nil
		}
	}
	return preset, nil
}

func (p *prompter) Input(question, preset string, check func(string) error) (string, error) {
	answer, err := p.answer(question, preset)
	if err != nil {
		return "", err
	}
	if err := check(answer); err != nil {
		p.refused = append(p.refused, err.Error())
		return preset, check(preset)
	}
	return answer, nil
}

func (p *prompter) Select(question string, options []string, preset string) (string, error) {
	answer, err := p.answer(question, preset)
	if err == nil && !slices.Contains(options, answer) {
		err = fmt.Errorf("%q is none of %q", answer, options)
	}
	return answer, err
}

func (p *prompter) MultiSelect(question string, options, preset []string) ([]string, error) {
	answer, err := p.answer(question, strings.Join(preset, ","))
	if err != nil || answer == "" {
		return nil, err
	}
	return strings.Split(answer, ","), nil
}

// runIn runs svc in an empty folder with a contract of two services, protos/, in it.
func runIn(t *testing.T, p ui.Prompter, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	contract := "syntax = \"proto3\";\npackage shop.v1;\nservice Cart {rpc Get(M) returns (M);}\nservice Pay {rpc Pay(M) returns (M);}\nmessage M {}\n"
	if err := errors.Join(os.MkdirAll("protos/shop/v1", 0o755), os.WriteFile("protos/shop/v1/shop.proto", []byte(contract), 0o644)); err != nil {
		t.Fatal(err)
	}
	var out, diagnostics bytes.Buffer
	s := &ui.IO{Out: &out, Err: &diagnostics, Prompter: p}
	code = Run(t.Context(), s, args)
	return code, out.String(), diagnostics.String()
}

func readManifest(t *testing.T, dir string) *manifest.Manifest {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, manifest.FileName))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse(manifest.FileName, content)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	askName     = "Name of the project: [hello]"
	askModule   = "Go module path: [example.com/hello]"
	askProto    = "A .proto file or a folder of them (empty for a starter contract): []"
	askRegistry = "Registry: [etcd]"
	askLayers   = "Layers: [docker,helm]"
	askApps     = "Services → apps: [one app that serves all]"
)

func TestNewAsksForWhatWasNotGiven(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want []string
	}{
		{"nothing given", nil, []string{askName, askModule, askProto, askRegistry, askLayers}},
		{"name", []string{"hello"}, []string{askModule, askProto, askRegistry, askLayers}},
		{"module", []string{"--module", "github.com/acme/my_shop/v2"}, []string{"Name of the project: [my-shop]", askProto, askRegistry, askLayers}},
		{"registry", []string{"hello", "--registry", "etcd"}, []string{askModule, askProto, askLayers}},
		{"layers", []string{"hello", "--with", "docker"}, []string{askModule, askProto, askRegistry}},
		{"contract", []string{"hello", "--proto", "protos"}, []string{askModule, askRegistry, askLayers, askApps}},
		{"apps", []string{"hello", "--proto", "protos", "--app", "web"}, []string{askModule, askRegistry, askLayers}},
		{"an app per service", []string{"hello", "--proto", "protos", "--app-per-service"}, []string{askModule, askRegistry, askLayers}},
		{"all", []string{"hello", "--module", "example.com/x", "--proto", "protos/shop/v1/shop.proto", "--registry", "none", "--without", "helm", "--app", "web"}, nil},
		{"yes", []string{"hello", "--yes"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &prompter{}
			code, _, stderr := runIn(t, p, append([]string{"new", "--no-tidy"}, tc.args...)...)
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			if !slices.Equal(p.asked, tc.want) {
				t.Errorf("asked %q\nwant  %q", p.asked, tc.want)
			}
		})
	}
}

func TestNewTakesTheAnswers(t *testing.T) {
	p := &prompter{answers: map[string]string{
		"Name": "shop", "Go module": "github.com/acme/shop", "A .proto": "protos",
		"Registry": "none", "Layers": "helm", "Services": "one app for each service",
	}}
	code, stdout, stderr := runIn(t, p, "new", "--no-tidy")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if !strings.HasPrefix(stdout, "Made shop: 2 apps, 2 services, ") {
		t.Errorf("stdout is %q", stdout)
	}
	m := readManifest(t, "shop")
	if m.Name != "shop" || m.Module != "github.com/acme/shop" || m.Registry != "none" || !slices.Equal(m.LayerNames(), []string{"helm"}) {
		t.Errorf("the answers became %+v", m)
	}
	if len(m.Apps) != 2 || m.Apps[0].Name != "cart" || m.Apps[1].Name != "pay" {
		t.Errorf("the apps are %+v", m.Apps)
	}
}

func TestNewRefusesAnswers(t *testing.T) {
	for question, answer := range map[string]string{
		"Name": "My Shop", "Go module": "a b", "A .proto": "nowhere.proto",
	} {
		p := &prompter{answers: map[string]string{question: answer}}
		if code, _, stderr := runIn(t, p, "new", "--no-tidy"); code != exitOK || len(p.refused) != 1 {
			t.Errorf("%s: exit code %d, refused %q: %s", question, code, p.refused, stderr)
		}
	}
}

func TestNewRefusesTheNameOfATakenFolder(t *testing.T) {
	p := &prompter{answers: map[string]string{"Name": "protos"}}
	code, _, stderr := runIn(t, p, "new", "--no-tidy")
	want := "protos is not empty: it holds shop"
	if code != exitOK || len(p.refused) != 1 || p.refused[0] != want {
		t.Errorf("exit code %d, refused %q, want %q: %s", code, p.refused, want, stderr)
	}
}

// meddler puts a file into the project's folder while a question is answered.
type meddler struct {
	prompter
	dir string
}

func (m *meddler) Select(question string, options []string, preset string) (string, error) {
	if strings.HasPrefix(question, "Services") {
		if err := errors.Join(os.MkdirAll(m.dir, 0o755), os.WriteFile(filepath.Join(m.dir, "mine"), nil, 0o644)); err != nil {
			return "", err
		}
	}
	return m.prompter.Select(question, options, preset)
}

// A folder that is taken is bad usage, whenever it is found.
func TestNewRefusesAFolderThatIsTakenLate(t *testing.T) {
	code, _, stderr := runIn(t, &meddler{dir: "shop"}, "new", "shop", "--no-tidy", "--proto", "protos")
	if want := "svc: shop is not empty: it holds mine\n"; code != exitInput || stderr != want {
		t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
	}
}

func TestNewChecksFlagsBeforeItAsks(t *testing.T) {
	for _, flags := range [][]string{
		{"Shop"}, {"--registry", "zookeeper"}, {"--with", "nothing"}, {"--module", "a b"}, {"--dir", "protos"}, {"--app", "a", "--app-per-service"},
	} {
		p := &prompter{}
		if code, _, _ := runIn(t, p, append([]string{"new"}, flags...)...); code != exitInput || len(p.asked) > 0 {
			t.Errorf("%q: exit code %d, asked %q", flags, code, p.asked)
		}
	}
}

func TestInterruptAtAQuestion(t *testing.T) {
	for _, question := range []string{"Name", "Go module", "A .proto", "Registry", "Layers", "Services"} {
		t.Run(question, func(t *testing.T) {
			p := &prompter{interrupt: question, answers: map[string]string{"A .proto": "protos"}}
			code, stdout, stderr := runIn(t, p, "new", "--no-tidy", "--dir", "a/b")
			if code != exitInterrupted || stdout != "" || stderr != "svc: interrupted\n" {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
				t.Errorf("the folder holds %v (%v), want protos only", entries, err)
			}
		})
	}
}
