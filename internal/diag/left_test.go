package diag

import (
	"errors"
	"fmt"
	"testing"
)

func TestAllLeft(t *testing.T) {
	busy := errors.New("busy")
	err := errors.Join(busy, Left("gone", nil), Left("a", busy), fmt.Errorf("two: %w", errors.Join(Left("b", busy), busy)))
	var got []string
	for _, l := range AllLeft(err) {
		got = append(got, l.Error())
	}
	if want := "[a is left behind: busy b is left behind: busy]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if AllLeft(nil) != nil || Left("a", nil) != nil || !errors.Is(Left("a", busy), busy) {
		t.Error("no error is one, or hides its cause")
	}
}
