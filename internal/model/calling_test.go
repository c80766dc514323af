package model

import (
	"strings"
	"testing"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/manifest"
)

func callings(t *testing.T, calls ...manifest.Calling) (map[string]Calling, error) {
	t.Helper()
	m := project(manifest.App{Name: "shop", Services: manifest.Refs("*")})
	m.Calls = calls
	c := load(t, contract)
	p, err := Build(m, c.Request, c)
	if err != nil {
		return nil, err
	}
	got := map[string]Calling{}
	for _, s := range p.Services {
		for _, method := range s.Methods {
			got[method.FullName] = method.Calling
		}
	}
	return got, nil
}

func calling(name string, timeout string, retry, wait *bool) manifest.Calling {
	ref := manifest.Ref{Name: name, Pos: diag.Pos{File: "svc.yaml", Line: 7, Col: 3}}
	return manifest.Calling{Ref: ref, Timeout: timeout, Retry: retry, WaitForReady: wait}
}

func TestCallings(t *testing.T) {
	yes, no := true, false
	got, err := callings(t,
		calling("shop.v1.Catalog.Watch", "", &yes, nil), // wins over its service, wherever it stands
		calling("shop.v1.Catalog", "1.5s", nil, &yes),
		calling("shop.v1.Catalog.Load", "60s", nil, &no),
		calling("shop.v1.Catalog.get_it", "", &no, nil),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Calling{
		"shop.v1.Catalog.get_it": {Timeout: "1.5s", WaitForReady: true},
		"shop.v1.Catalog.Watch":  {Timeout: "1.5s", WaitForReady: true, Retry: true},
		"shop.v1.Catalog.Load":   {Timeout: "60s"},
		"shop.v1.Catalog.Chat":   {Timeout: "1.5s", WaitForReady: true},
		"shop.v1.Orders.Get":     {Timeout: "5s"},
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %+v, want %+v", name, got[name], want[name])
		}
	}
}

func TestCallingsFollowTheContract(t *testing.T) {
	got, err := callings(t)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Calling{
		"shop.v1.Catalog.get_it": {Timeout: "5s", Retry: true},
		"shop.v1.Catalog.Watch":  {},
		"shop.v1.Orders.Get":     {Timeout: "5s"},
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %+v, want %+v", name, got[name], want[name])
		}
	}
}

func TestCallingsFindings(t *testing.T) {
	yes := true
	tests := map[string]manifest.Calling{
		"svc.yaml:7:3: calls: shop.v1.Nope is not in the contract":       calling("shop.v1.Nope", "1s", nil, nil),
		"svc.yaml:7:3: calls: shop.v1.Catalog.Watch would wait for ever": calling("shop.v1.Catalog.Watch", "", nil, &yes),
	}
	for want, call := range tests {
		if _, err := callings(t, call); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
