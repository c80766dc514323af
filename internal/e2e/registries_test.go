package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestRegistriesGuide checks that the Go code of docs/registries.md is that of the golden project whose registry it shows.
func TestRegistriesGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/registries.md")
	if err != nil {
		t.Fatal(err)
	}
	var emitted strings.Builder
	for _, golden := range []string{"depot", "shop"} { // static; one that registers
		for _, content := range readTree(t, filepath.Join(goldens, golden)).below("internal/platform") {
			emitted.WriteString(content)
		}
	}
	blocks := goBlock.FindAllStringSubmatch(string(guide), -1)
	if len(blocks) == 0 {
		t.Fatal("it shows no code")
	}
	for _, block := range blocks {
		if !strings.Contains(emitted.String(), block[1]) {
			t.Errorf("no project has:\n%s", block[1])
		}
	}
}
