//go:build unix

package apply

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReaderPassesPipes looks below a named pipe, which nobody may ever write to.
func TestReaderPassesPipes(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r := NewReader(root)
	defer r.Close()
	if _, err := r.Lstat("pipe/x"); !unreachable(err) {
		t.Errorf("got %v", err)
	}
}
