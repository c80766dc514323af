package handlers

import (
	"testing"

	"github.com/svcgen/svc/internal/godecl"
)

func TestRelocate(t *testing.T) {
	tests := map[string]struct {
		is   string
		line int
		want int
	}{
		"stays":     {"a\nb\nc", 2, 2},
		"down":      {"a\nx\nx\nb\nc", 2, 4},
		"up":        {"b\nc", 2, 1},
		"gone":      {"a\nc", 2, 2},
		"the file":  {"x\na\nb\nc", 0, 0},
		"the first": {"b\nx\na\nb\nb", 2, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			notes := []godecl.Note{{Line: tt.line}}
			relocate(notes, []byte("a\nb\nc"), []byte(tt.is))
			if notes[0].Line != tt.want {
				t.Errorf("line %d, want %d", notes[0].Line, tt.want)
			}
		})
	}
}
