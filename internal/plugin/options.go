package plugin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// options are the plugin's parameters. They carry the names of the CLI's flags.
type options struct {
	project  string // the folder that the project is in, or will be
	manifest string // an svc.yaml elsewhere
	name     string
	module   string
	registry string
	with     []string
	without  []string
	apps     []app
	stubs    bool // run protoc-gen-go and protoc-gen-go-grpc as well
}

type app struct {
	name     string
	services []string
}

// known lists the options for the error about one that isn't.
const known = "project=DIR, manifest=FILE, name=NAME, module=PATH, registry=NAME, with=LAYER, without=LAYER, app=NAME=SERVICE, stubs=true (with, without and app may be repeated)"

// parseOptions reads a plugin parameter: options separated by commas.
func parseOptions(parameter string) (options, error) {
	o := options{registry: "etcd"}
	for part := range strings.SplitSeq(parameter, ",") {
		if part == "" {
			continue
		}
		if err := o.set(part); err != nil {
			return options{}, err
		}
	}
	return o, nil
}

func (o *options) set(part string) (err error) {
	key, value, _ := strings.Cut(part, "=")
	switch key {
	case "project":
		o.project = value
	case "manifest":
		o.manifest = value
	case "name":
		o.name = value
	case "module":
		o.module = value
	case "registry":
		o.registry = value
	case "with":
		o.with = append(o.with, value)
	case "without":
		o.without = append(o.without, value)
	case "app":
		o.app(value)
	case "stubs":
		if o.stubs, err = strconv.ParseBool(value); err != nil {
			err = fmt.Errorf("option stubs: %q is neither true nor false", value)
		}
	default:
		err = fmt.Errorf("unknown option %q; the options are %s", key, known)
	}
	return err
}

// app adds a service to an app: commas separate options, so each service has an option of its own.
func (o *options) app(value string) {
	name, service, given := strings.Cut(value, "=")
	i := slices.IndexFunc(o.apps, func(a app) bool { return a.name == name })
	if i < 0 {
		i = len(o.apps)
		o.apps = append(o.apps, app{name: name})
	}
	if given {
		o.apps[i].services = append(o.apps[i].services, service)
	}
}
