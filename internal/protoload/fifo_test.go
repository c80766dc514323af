//go:build unix

package protoload

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// TestDescriptorSetFifo checks the same of a descriptor set.
func TestDescriptorSetFifo(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "set.binpb"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := LoadDescriptorSet(dir, "set.binpb")
	if got, want := findings(t, err), []string{"set.binpb:1:1: it is not a regular file"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFifo checks that a fifo, which nobody may ever write to, is not waited for.
func TestFifo(t *testing.T) {
	dir := write(t, map[string]string{"api/a.proto": "syntax = \"proto3\";\nimport \"fifo.proto\";\n"})
	if err := syscall.Mkfifo(filepath.Join(dir, "api", "fifo.proto"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), Source{Dir: dir, Roots: []string{"api"}})
	if got := findings(t, err); !slices.Contains(got, "api/a.proto:2:8: fifo.proto is not below an import root: file does not exist") {
		t.Errorf("got %q", got)
	}
}
