package engine

import (
	"slices"
	"testing"

	"github.com/svcgen/svc/internal/apply"
)

func TestInOrder(t *testing.T) {
	gone := func(path string) apply.Change { return apply.Change{Path: path, Expect: []byte("x")} }
	made := func(path string) apply.Change { return apply.Change{Path: path, Content: []byte("x")} }
	tests := map[string]struct {
		changes []apply.Change
		want    []string
	}{
		"what moved is there before it goes":    {[]apply.Change{gone("cart.go"), made("basket.go")}, []string{"basket.go", "cart.go"}},
		"names that differ in case":             {[]apply.Change{made("gen/Shop/a"), gone("gen/shop/a"), gone("b")}, []string{"gen/shop/a", "gen/Shop/a", "b"}},
		"a file where a folder is to be":        {[]apply.Change{made("a/b"), gone("A")}, []string{"A", "a/b"}},
		"a folder where a file is to be":        {[]apply.Change{made("a"), gone("a/b/c"), gone("ab")}, []string{"a/b/c", "a", "ab"}},
		"files of one folder don't hinder each": {[]apply.Change{gone("a/b"), made("a/c")}, []string{"a/c", "a/b"}},
	}
	for name, test := range tests {
		var got []string
		for _, c := range inOrder(test.changes) {
			got = append(got, c.Path)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
