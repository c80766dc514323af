package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// ErrInvalid is wrapped by every error of Load that is a mistake in a flag, a file or a variable.
var ErrInvalid = errors.New("invalid configuration")

// Printed is the answer to --help and --version. It is returned as an error because the app must not go on.
type Printed string

func (p Printed) Error() string { return string(p) }

// Load reads the configuration of the app called name from its command line and the environment.
//
// The environment variable of a key has the app's name in front: server.grpc.addr of app my-shop is
// MY_SHOP_SERVER_GRPC_ADDR. Only variables of known keys are read, because platforms set others with that prefix
// (Kubernetes: MY_SHOP_PORT); an empty variable counts as not set. Unknown keys in files and flags are errors.
func Load(name, version string, args []string) (Config, error) {
	l := loader{config: Default(), prefix: envPrefix(name)}
	l.config.App = App{Name: name, Version: buildVersion(version)}
	if err := l.load(args); err != nil {
		var printed Printed
		if errors.As(err, &printed) {
			return Config{}, printed
		}
		return Config{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return l.config, nil
}

type loader struct {
	config Config
	prefix string // of environment variables: MY_SHOP_
	path   string // of the file
	sets   []string
}

func (l *loader) load(args []string) error {
	if err := l.parseFlags(args); err != nil {
		return err
	}
	if err := l.applyFiles(); err != nil {
		return err
	}
	if err := l.applyEnv(); err != nil {
		return err
	}
	if err := l.applySets(); err != nil {
		return err
	}
	return l.config.validate()
}

func (l *loader) parseFlags(args []string) error {
	flags := flag.NewFlagSet(l.config.App.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&l.path, "config", os.Getenv(l.prefix+"CONFIG"), "")
	flags.Func("set", "", func(s string) error {
		l.sets = append(l.sets, s)
		return nil
	})
	version := flags.Bool("version", false, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return Printed(l.usage())
	case err != nil:
		return fmt.Errorf("%w (see --help)", err)
	case *version:
		return Printed(l.config.App.Name + " " + l.config.App.Version + "\n")
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q (see --help)", flags.Arg(0))
	}
	return nil
}

// applyFiles reads the file and, beside it, its overlay for the environment: config.yaml, config.production.yaml.
func (l *loader) applyFiles() error {
	if l.path == "" {
		return nil
	}
	if err := l.apply(l.path, file.Provider(l.path), yaml.Parser()); err != nil {
		return err
	}
	environment, err := l.environment()
	if err != nil {
		return err
	}
	ext := filepath.Ext(l.path)
	overlay := strings.TrimSuffix(l.path, ext) + "." + environment + ext
	if err := l.apply(overlay, file.Provider(overlay), yaml.Parser()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if l.config.Environment != environment {
		return fmt.Errorf("%s: environment can't be set in an overlay", overlay)
	}
	return nil
}

// environment returns what the environment will be once everything is applied, because it decides on the overlay. It
// becomes the value for the overlay to keep.
func (l *loader) environment() (string, error) {
	ahead := *l
	if err := errors.Join(ahead.applyEnv(), ahead.applySets()); err != nil {
		return "", err
	}
	l.config.Environment = ahead.config.Environment
	return l.config.Environment, checkEnvironment(l.config.Environment)
}

func (l *loader) applyEnv() error {
	for _, s := range Default().settings() {
		name := l.variable(s.key)
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		if err := l.applyValue(name, s.key, value); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) applySets() error {
	for _, set := range l.sets {
		key, value, ok := strings.Cut(set, "=")
		if !ok {
			return fmt.Errorf("--set %s: must be key=value", set)
		}
		if err := l.applyValue("--set "+set, key, value); err != nil {
			return err
		}
	}
	return nil
}

// byService are the keys whose values are maps by the name of a service.
var byService = []string{"client.targets", "client.balancing", "client.canary"}

// applyValue sets one key. Names of services have dots of their own, so that what follows byService is not split further.
func (l *loader) applyValue(source, key, value string) error {
	values := map[string]any{key: value}
	for _, of := range byService {
		if service, ok := strings.CutPrefix(key, of+"."); ok {
			values = map[string]any{of: map[string]any{service: value}}
		}
	}
	return l.apply(source, confmap.Provider(values, "."), nil)
}

// apply puts the values of one source over what is there. Errors name the source.
func (l *loader) apply(source string, provider koanf.Provider, parser koanf.Parser) error {
	values := koanf.New(".")
	if err := values.Load(provider, parser); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	next := l.config
	next.Client.Targets = maps.Clone(next.Client.Targets) // decoding adds to a map in place
	next.Client.Balancing = maps.Clone(next.Client.Balancing)
	next.Client.Canary = maps.Clone(next.Client.Canary)
	if err := decode(values, &next); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	l.config = next
	return nil
}
