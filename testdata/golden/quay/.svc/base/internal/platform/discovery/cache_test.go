package discovery

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	here  = []string{"b:1", "a:1"}
	there = []string{"c:1"}
)

func onDisk(dir string, endpoints []string) *cache {
	return newCache(dir, endpoints, slog.New(slog.DiscardHandler))
}

func TestCacheOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deeper")
	want := []Instance{{Addr: "a:1", Metadata: Metadata{"app": "shop"}}, {Addr: "b:1"}}
	onDisk(dir, here).save(name, want)
	if got := onDisk(dir, []string{"a:1", "b:1"}).load(name); !equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := onDisk(dir, there).load(name); got != nil {
		t.Errorf("of another registry: got %v", got)
	}
	if got := onDisk(dir, here).load("other/a.v1.A/"); got != nil {
		t.Errorf("of another namespace: got %v", got)
	}
}

func TestCacheFile(t *testing.T) {
	dir := t.TempDir()
	onDisk(dir, here).save(name, []Instance{{Addr: "a:1"}})
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || !strings.HasPrefix(left[0].Name(), "a.v1.A-") {
		t.Fatalf("got %v, %v, want one file called after the service", left, err)
	}
	path := filepath.Join(dir, left[0].Name())
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := onDisk(dir, here).load(name); got != nil {
		t.Errorf("of a broken file: got %v", got)
	}
}

func TestCacheWithoutADiskKeepsWhatItHas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{noCache, file} {
		c := onDisk(dir, here)
		c.save(name, []Instance{{Addr: "a:1"}})
		if got := c.load(name); len(got) != 1 {
			t.Errorf("%s: got %v", dir, got)
		}
	}
}
