package kubernetes_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"example.com/quay/internal/platform/kubernetes"
)

// TestClose gives up a watch and ends, again and again: no connection may stay.
func TestClose(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	const rounds = 20
	closed := make(chan struct{}, rounds)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for range rounds {
		slices, err := kubernetes.NewSlicesOf(&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		changes, err := slices.Watch(ctx, "prod", []string{"a"}, "")
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		changes.Stop()
		slices.Close()
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Fatal("a connection stays")
		}
	}
}
