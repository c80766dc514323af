package diag

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestPosString(t *testing.T) {
	tests := map[Pos]string{
		{File: "a.proto"}:                   "a.proto",
		{File: "a.proto", Line: 3}:          "a.proto:3:1",
		{File: "a.proto", Line: 3, Col: 14}: "a.proto:3:14",
	}
	for pos, want := range tests {
		if got := pos.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestErrIsSortedAndDistinct(t *testing.T) {
	var s Set
	if s.Err() != nil {
		t.Error("no findings are an error")
	}
	s.At(Pos{"b", 1, 1}, "", "first of b")
	s.At(Pos{"a", 10, 1}, "", "line 10")
	s.At(Pos{"a", 2, 5}, "", "line 2, column 5")
	s.At(Pos{"a", 2, 1}, "", "y")
	s.At(Pos{"a", 2, 1}, "", "x")
	s.At(Pos{"a", 2, 1}, "a hint", "x")
	s.At(Pos{"a", 2, 1}, "a fuller hint", "x")
	s.At(Pos{File: "a"}, "", "the file")
	err := fmt.Errorf("wrapped: %w", s.Err())
	var found Set
	if !errors.As(err, &found) {
		t.Fatalf("%v is not a Set", err)
	}
	want := "a: the file\na:2:1: x\n      → a hint\na:2:1: y\na:2:5: line 2, column 5\na:10:1: line 10\nb:1:1: first of b"
	if got := found.Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	slices.Reverse(s)
	if got := s.Err().Error(); got != want {
		t.Errorf("in another order:\n%s\nwant:\n%s", got, want)
	}
	slices.Reverse(s)
	if s[0].Message != "first of b" {
		t.Error("Err sorts the set that it is asked of")
	}
}

func TestErrorShowsTheLine(t *testing.T) {
	var s Set
	s.At(Pos{"a.proto", 2, 3}, "add ;", "expected ;")
	s.At(Pos{"a.proto", 3, 7}, "", "a tab, then wide text")
	s.At(Pos{"a.proto", 4, 2}, "", "CRLF")
	s.At(Pos{"a.proto", 99, 1}, "", "beyond the end")
	s.At(Pos{"gone.proto", 1, 1}, "", "not to be read")
	reads := 0
	shown := s.WithSource(func(file string) ([]byte, error) {
		reads++
		if file == "gone.proto" {
			return nil, errors.New("gone")
		}
		return []byte("one\n  x y\n\tgröße\nend\r\n"), nil
	})
	want := `a.proto:2:3: expected ;
    2 |   x y
      |   ^
      → add ;
a.proto:3:7: a tab, then wide text
    3 |         größe
      |              ^
a.proto:4:2: CRLF
    4 | end
      |  ^
a.proto:99:1: beyond the end
gone.proto:1:1: not to be read`
	if got := shown.Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if reads != 2 {
		t.Errorf("%d reads of 2 files", reads)
	}
	if s[0].Source != "" {
		t.Error("WithSource changes the set that it is asked of")
	}
}

func TestAtIsTheSameFromBuildToBuild(t *testing.T) {
	var s Set
	s.At(Pos{}, "", "%v", errors.New("proto:\u00a0bad"))
	if got := s[0].Message; got != "proto: bad" {
		t.Errorf("got %q", got)
	}
}
