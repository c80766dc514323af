package plugin

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every option that the error about an unknown one lists is accepted and documented.
func TestKnownOptions(t *testing.T) {
	doc, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	options := regexp.MustCompile(`(\w+)=`).FindAllStringSubmatch(known, -1)
	if len(options) < 9 {
		t.Fatalf("%d options in %q", len(options), known)
	}
	for _, m := range options {
		name := m[1]
		if name == "NAME" {
			continue // of app=NAME=SERVICE
		}
		if _, err := parseOptions(name + "=true"); err != nil {
			t.Errorf("option %s: %v", name, err)
		}
		if !strings.Contains(string(doc), "`"+name+"=") {
			t.Errorf("docs/reference.md does not name option %s", name)
		}
	}
	if _, err := parseOptions("colour=red"); err == nil || !strings.Contains(err.Error(), known) {
		t.Errorf("an unknown option gives %v", err)
	}
}
