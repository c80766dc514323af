package manifest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Format writes a new manifest with a comment on each key. A manifest that a user has is never written whole.
func Format(m *Manifest) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# What svc can't learn from the contract. Yours to edit; `svc generate` follows it.\n")
	fmt.Fprintf(&b, "version: %d\nname: %s\nmodule: %s\n", Version, scalar(m.Name), scalar(m.Module))
	if m.Proto.DescriptorSet != "" {
		fmt.Fprintf(&b, "proto:\n  descriptor_set: %s\n", scalar(m.Proto.DescriptorSet))
	} else {
		fmt.Fprintf(&b, "proto:\n  roots: %s # import roots; every .proto below them is part of the contract\n", list(m.Proto.Roots))
	}
	fmt.Fprintf(&b, "registry: %s # %s\n", scalar(m.Registry), strings.Join(Registries, " | "))
	fmt.Fprintf(&b, "layers: %s # concerns switched on\n", list(m.LayerNames()))
	b.WriteString("apps: # one binary, image and chart each\n")
	for _, a := range m.Apps {
		fmt.Fprintf(&b, "  - name: %s\n    services: %s\n", scalar(a.Name), list(names(a.Services)))
		if len(a.Clients) > 0 {
			fmt.Fprintf(&b, "    clients: %s\n", list(names(a.Clients)))
		}
	}
	return []byte(b.String())
}

func names(refs []Ref) []string {
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = r.Name
	}
	return out
}

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = scalar(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// plain is text that needs no quotes, unless it is a word or a number to YAML.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./-]*$`)

// scalar writes s so that YAML reads it back as the same text, quoted only where it must be.
func scalar(s string) string {
	if out, err := yaml.Marshal(s); err == nil && plain.MatchString(s) && string(out) == s+"\n" {
		return s
	}
	return strconv.Quote(s)
}
