package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/ui"
)

// reference is docs/reference.md, which names every command, flag and key.
func reference(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestReferenceNamesEveryCommandAndFlag(t *testing.T) {
	doc := reference(t)
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !strings.Contains(doc, c.CommandPath()) {
			t.Errorf("docs/reference.md does not name %s", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(doc, "--"+f.Name) {
				t.Errorf("docs/reference.md does not name --%s of %s", f.Name, c.CommandPath())
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&ui.IO{}))
}

func TestReferenceNamesEveryKeyOfTheManifest(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(manifest.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	doc := reference(t)
	for _, key := range leaves("", schema) {
		if !strings.Contains(doc, "`"+key+"`") {
			t.Errorf("docs/reference.md does not name the key %s", key)
		}
	}
}

// leaves lists the keys of a schema that hold values, as docs write them: apps[].name.
func leaves(prefix string, schema map[string]any) []string {
	if items, ok := schema["items"].(map[string]any); ok && items["properties"] != nil {
		return leaves(prefix+"[]", items)
	}
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return []string{prefix}
	}
	var keys []string
	for name, property := range properties {
		keys = append(keys, leaves(strings.TrimPrefix(prefix+"."+name, "."), property.(map[string]any))...)
	}
	return keys
}
