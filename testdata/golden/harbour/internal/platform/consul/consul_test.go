package consul_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/harbour/internal/platform/consul"
)

func TestClient(t *testing.T) {
	var asked []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r)
		_, _ = w.Write([]byte(`"10.0.0.1:8300"`))
	}))
	t.Cleanup(server.Close)
	t.Setenv("CONSUL_HTTP_TOKEN", "of the environment")
	for _, token := range []string{"own", ""} {
		client, err := consul.NewClient(server.URL, token, slog.Default())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Status().Leader(); err != nil {
			t.Error(err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	for i, want := range []string{"own", "of the environment"} {
		if got := asked[i].Header.Get("X-Consul-Token"); got != want {
			t.Errorf("token is %q, want %q", got, want)
		}
	}
}

func TestClientOfNoSuchEndpoint(t *testing.T) {
	if _, err := consul.NewClient("ftp://consul:8500", "", slog.Default()); err == nil {
		t.Error("no error")
	}
}
