package client

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestDialByName(t *testing.T) {
	tests := map[string]string{
		"":     "etcd:///default/a.v1.A",
		"prod": "etcd:///prod/a.v1.A",
	}
	for namespace, want := range tests {
		cfg := Config{Endpoints: endpoints, Namespace: namespace}
		if got := dial(t, cfg).Target(); got != want {
			t.Errorf("namespace %q: got %q, want %q", namespace, got, want)
		}
	}
}

func TestNoNamespace(t *testing.T) {
	for _, namespace := range []string{"a//b", "dev/../prod", "/prod"} {
		err := dial(t, Config{Endpoints: endpoints, Namespace: namespace}).Invoke(t.Context(), "/a.v1.A/Get", nil, nil)
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "its namespace must be") {
			t.Errorf("%s: got %v", namespace, err)
		}
	}
}

func TestTargetsWinOverTheRegistry(t *testing.T) {
	cfg := Config{Endpoints: endpoints, Targets: map[string]string{service: "dns:///a:1"}}
	if got := dial(t, cfg).Target(); got != "dns:///a:1" {
		t.Errorf("got %q", got)
	}
}

func TestSharedConfigUsesOneResolver(t *testing.T) {
	shared := Config{Endpoints: endpoints}.Shared()
	_, first := shared.find(service)
	_, second := shared.find("b.v1.B")
	if first[0] != second[0] {
		t.Error("got two")
	}
}
