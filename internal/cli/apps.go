package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/manifest"
)

// appList turns --app and --app-per-service into apps. services are what the contract declares.
func (o *newOptions) appList(services []string) ([]manifest.App, error) {
	switch {
	case o.appPerService:
		return appsPerService(services)
	case len(o.apps) > 0:
		return parseApps(o.apps, services)
	default:
		return []manifest.App{{Name: o.name, Services: manifest.Refs(manifest.AllServices)}}, nil
	}
}

// parseApps reads NAME=SERVICE,… A service may be named by its last part where that is clear; no service means all.
func parseApps(args, services []string) ([]manifest.App, error) {
	var apps []manifest.App
	for _, arg := range args {
		name, list, given := strings.Cut(arg, "=")
		if err := manifest.CheckName(name); err != nil {
			return nil, usagef("--app %s: %w", arg, err)
		}
		if slices.ContainsFunc(apps, func(a manifest.App) bool { return a.Name == name }) {
			return nil, usagef("--app %s: app %s is named twice", arg, name)
		}
		app := manifest.App{Name: name}
		if !given {
			list = manifest.AllServices
		}
		for s := range strings.SplitSeq(list, ",") {
			full, err := fullName(strings.TrimSpace(s), services)
			if err != nil {
				return nil, usagef("--app %s: %w", arg, err)
			}
			app.Services = append(app.Services, manifest.Refs(full)...)
		}
		apps = append(apps, app)
	}
	return apps, nil
}

func fullName(name string, services []string) (string, error) {
	if name == manifest.AllServices || slices.Contains(services, name) {
		return name, nil
	}
	var found []string
	for _, s := range services {
		if strings.HasSuffix(s, "."+name) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("the contract has no service %q; it has %s", name, strings.Join(services, ", "))
	default:
		return "", fmt.Errorf("service %q may be any of %s", name, strings.Join(found, ", "))
	}
}

// appsPerService names each app after its service: shop.v1.CartService is served by cart.
func appsPerService(services []string) ([]manifest.App, error) {
	var apps []manifest.App
	taken := map[string]bool{}
	for _, s := range services {
		name := appName(s[strings.LastIndexByte(s, '.')+1:])
		if taken[name] {
			name = appName(strings.ReplaceAll(s, ".", "-"))
		}
		if err := manifest.CheckName(name); err != nil || taken[name] {
			return nil, usagef("--app-per-service finds no name for the app of %s: use --app NAME=%s", s, s)
		}
		taken[name] = true
		apps = append(apps, manifest.App{Name: name, Services: manifest.Refs(s)})
	}
	return apps, nil
}

func appName(service string) string {
	var b strings.Builder
	lower := false
	for _, r := range service {
		upper := r >= 'A' && r <= 'Z'
		if upper && lower {
			b.WriteByte('-')
		}
		if r == '_' {
			r = '-'
		}
		lower = !upper && r != '-'
		b.WriteRune(r)
	}
	name := strings.ToLower(b.String())
	if short := strings.TrimSuffix(name, "-service"); short != "" {
		name = short
	}
	return strings.Trim(name, "-")
}
