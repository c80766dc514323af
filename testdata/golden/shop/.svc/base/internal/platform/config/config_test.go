package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func load(t *testing.T, args ...string) Config {
	t.Helper()
	c, err := Load("my-shop", "v1.2.3", args)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadWithoutAnythingIsTheDefault(t *testing.T) {
	want := Default()
	want.App = App{Name: "my-shop", Version: "v1.2.3"}
	if got := load(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLoadPrecedence(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "config.yaml"), `
environment: production
server:
  grpc: {addr: ":1", timeout: 1s, max_streams: 1}
registry:
  endpoints: [a.v1.A=a:1, a.v1.A=b:1]
client:
  targets: {acme.v1.File: "file:1", acme.v1.Both: "file:1"}
log:
  level: warn
`)
	write(t, filepath.Join(dir, "config.production.yaml"), `
server:
  grpc: {timeout: 2s, max_streams: 2}
  admin:
registry:
  endpoints: [a.v1.A=c:1]
`)
	t.Setenv("MY_SHOP_CONFIG", path)
	t.Setenv("MY_SHOP_SERVER_GRPC_MAX_STREAMS", "3")
	t.Setenv("MY_SHOP_CLIENT_TARGETS", "acme.v1.Both=env:1, acme.v1.Env=env:1")
	t.Setenv("MY_SHOP_SERVER_ADMIN_ADDR", ":3")
	t.Setenv("MY_SHOP_LOG_FORMAT", "")

	c := load(t, "--set", "server.admin.addr=:4", "--set=client.targets.acme.v1.Set=dns:///set:1")

	want := Default()
	want.App = c.App
	want.Environment = "production"
	want.Server.GRPC.Addr = ":1"
	want.Server.GRPC.Timeout = 2 * time.Second
	want.Server.GRPC.MaxStreams = 3
	want.Server.Admin.Addr = ":4"
	want.Registry.Endpoints = []string{"a.v1.A=c:1"}
	want.Client.Targets = map[string]string{
		"acme.v1.File": "file:1", "acme.v1.Both": "env:1", "acme.v1.Env": "env:1", "acme.v1.Set": "dns:///set:1",
	}
	want.Log.Level = slog.LevelWarn
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestValuesByService(t *testing.T) {
	t.Setenv("MY_SHOP_CLIENT_CANARY", "acme.v1.Env=2.1.0 5%")
	c := load(t, "--set=client.balancing.acme.v1.Set=consistent_hash:x-user-id", "--set=client.canary.acme.v1.Set=2.1.0")
	want := Default().Client
	want.Balancing = map[string]string{"*": "round_robin", "acme.v1.Set": "consistent_hash:x-user-id"}
	want.Canary = map[string]string{"acme.v1.Env": "2.1.0 5%", "acme.v1.Set": "2.1.0"}
	if !reflect.DeepEqual(c.Client, want) {
		t.Errorf("got  %+v\nwant %+v", c.Client, want)
	}
}

func TestEnvironmentOfVariableSelectsOverlay(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "config.yaml"), "environment: production\n")
	write(t, filepath.Join(dir, "config.staging.yaml"), "log: {format: text}\n")
	t.Setenv("MY_SHOP_ENVIRONMENT", "staging")
	if c := load(t, "--config", path); c.Log.Format != "text" || c.Environment != "staging" {
		t.Errorf("got %+v", c)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	unknown := write(t, filepath.Join(dir, "unknown.yaml"), "server: {grpc: {adr: \":1\"}}\n")
	broken := write(t, filepath.Join(dir, "broken.yaml"), "server: [\n")
	moved := write(t, filepath.Join(dir, "moved.yaml"), "")
	write(t, filepath.Join(dir, "moved.dev.yaml"), "environment: production\n")
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown key in a file":      {[]string{"--config", unknown}, "unknown.yaml: unknown key server.grpc.adr"},
		"not YAML":                   {[]string{"--config", broken}, "broken.yaml: "},
		"no such file":               {[]string{"--config", filepath.Join(dir, "none.yaml")}, "none.yaml: "},
		"environment in an overlay":  {[]string{"--config", moved}, "moved.dev.yaml: environment"},
		"unknown key in a flag":      {[]string{"--set", "log.levl=info"}, "unknown key log.levl"},
		"flag without a value":       {[]string{"--set", "log.level"}, "must be key=value"},
		"duration without a unit":    {[]string{"--set", "registry.ttl=10"}, "with a unit"},
		"not a number":               {[]string{"--set", "server.grpc.max_streams=many"}, "max_streams"},
		"not a switch":               {[]string{"--set", "server.reflection=maybe"}, "reflection"},
		"unknown level":              {[]string{"--set", "log.level=loud"}, "loud"},
		"unknown format":             {[]string{"--set", "log.format=xml"}, "must be json or text"},
		"address without a port":     {[]string{"--set", "server.grpc.addr=localhost"}, "server.grpc.addr"},
		"advertised without a host":  {[]string{"--set", "server.advertise=:9090"}, "server.advertise: must be"},
		"advertised as a URL":        {[]string{"--set", "server.advertise=http://shop:9090"}, "server.advertise: must be"},
		"advertised at no port":      {[]string{"--set", "server.advertise=10.0.0.1:99999"}, "server.advertise: must be"},
		"namespace with a gap":       {[]string{"--set", "registry.namespace=a//b"}, "registry.namespace: must be"},
		"namespace of others":        {[]string{"--set", "registry.namespace=dev/../prod"}, "registry.namespace: must be"},
		"weight without an end":      {[]string{"--set", "registry.weight=65536"}, "registry.weight: must be from 0 to 65535"},
		"subset of the universe":     {[]string{"--set", "client.subset=2147483648"}, "client.subset: a subset must be"},
		"lease too short":            {[]string{"--set", "registry.ttl=1s"}, "registry.ttl"},
		"breaker of more than all":   {[]string{"--set", "client.breaker.ratio=1.5"}, "client.breaker.ratio"},
		"breaker without calls":      {[]string{"--set", "client.breaker.min_calls=0"}, "client.breaker.min_calls"},
		"breaker without a pause":    {[]string{"--set", "client.breaker.pause=0s"}, "client.breaker.pause"},
		"no such balancing":          {[]string{"--set", "client.balancing.a.v1.A=fastest"}, "client.balancing.a.v1.A: must be round_robin, "},
		"no such balancing of all":   {[]string{"--set", "client.balancing=*=fastest"}, "client.balancing.*: "},
		"key of no hash":             {[]string{"--set", "client.balancing=a.v1.A=weighted:x-user-id"}, "client.balancing.a.v1.A: must be round_robin, "},
		"hash of nothing":            {[]string{"--set", "client.balancing=a.v1.A=consistent_hash"}, "client.balancing.a.v1.A: must name the metadata key"},
		"canary without a share":     {[]string{"--set", "client.canary.a.v1.A=2.1.0 often"}, `client.canary.a.v1.A: must be a version`},
		"gRPC's own metadata":        {[]string{"--set", "client.propagate=x-a,grpc-timeout"}, `client.propagate: "grpc-timeout" is not`},
		"no metadata key":            {[]string{"--set", "client.propagate=x a"}, `client.propagate: "x a" is not`},
		"no target":                  {[]string{"--set", "client.targets=a.v1.A="}, "client.targets.a.v1.A: must be"},
		"target that can't be read":  {[]string{"--set", "client.targets=a.v1.A=host:%zz"}, "client.targets.a.v1.A: must be"},
		"target without a name":      {[]string{"--set", "client.targets=host:1"}, "name=value"},
		"environment out of the way": {[]string{"--set", "environment=../x"}, "environment"},
		"unknown flag":               {[]string{"--colour"}, "colour"},
		"argument":                   {[]string{"serve"}, `unexpected argument "serve"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load("my-shop", "", test.args)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to contain %q", err, test.want)
			}
		})
	}
}

func TestErrorNamesTheVariable(t *testing.T) {
	t.Setenv("MY_SHOP_SHUTDOWN_DRAIN", "soon")
	_, err := Load("my-shop", "", nil)
	if err == nil || !strings.Contains(err.Error(), "MY_SHOP_SHUTDOWN_DRAIN") {
		t.Errorf("got %v", err)
	}
}

func TestHelpAndVersion(t *testing.T) {
	tests := map[string]string{
		"--help":    "MY_SHOP_SERVER_GRPC_ADDR",
		"--version": "my-shop v1.2.3\n",
	}
	for arg, want := range tests {
		_, err := Load("my-shop", "v1.2.3", []string{arg})
		var printed Printed
		if !errors.As(err, &printed) || !strings.Contains(string(printed), want) {
			t.Errorf("%s: got %v", arg, err)
		}
	}
}

// Each key must be in the list that --help and the environment variables are made from, and every listed key must exist.
func TestSettingsAreComplete(t *testing.T) {
	want := map[string]bool{}
	collect(reflect.TypeFor[Config](), "", want)
	l := loader{config: Default()}
	for _, s := range Default().settings() {
		if !want[s.key] {
			t.Errorf("%s is listed, but not a key", s.key)
		}
		delete(want, s.key)
		if err := l.applyValue("default", s.key, fmt.Sprint(s.value)); err != nil {
			t.Error(err)
		}
	}
	for key := range want {
		t.Errorf("%s is not listed", key)
	}
	if !reflect.DeepEqual(l.config, Default()) {
		t.Errorf("setting every key to its listed default gives %+v", l.config)
	}
}

func collect(config reflect.Type, prefix string, keys map[string]bool) {
	for i := range config.NumField() {
		field := config.Field(i)
		key := prefix + field.Tag.Get("koanf")
		switch {
		case key == "-":
		case field.Type.Kind() == reflect.Struct:
			collect(field.Type, key+".", keys)
		default:
			keys[key] = true
		}
	}
}

// The project's own files must load in each environment that has an overlay.
func TestProjectFiles(t *testing.T) {
	const base = "../../../config/config"
	overlays, err := filepath.Glob(base + ".*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, overlay := range overlays {
		environment := strings.TrimSuffix(strings.TrimPrefix(overlay, base+"."), ".yaml")
		t.Run(environment, func(t *testing.T) {
			load(t, "--config", base+".yaml", "--set", "environment="+environment)
		})
	}
}
