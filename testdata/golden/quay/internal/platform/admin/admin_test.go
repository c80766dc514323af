package admin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/quay/internal/platform/admin"
	"example.com/quay/internal/platform/config"
)

func TestPaths(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	tests := map[string]struct {
		path  string
		pprof bool
		ready bool
		want  int
	}{
		"metrics":                  {path: "/metrics", want: http.StatusOK},
		"alive":                    {path: "/healthz", want: http.StatusOK},
		"ready":                    {path: "/readyz", ready: true, want: http.StatusOK},
		"not ready":                {path: "/readyz", want: http.StatusServiceUnavailable},
		"profiles are off":         {path: "/debug/pprof/", want: http.StatusNotFound},
		"profiles are on":          {path: "/debug/pprof/", pprof: true, want: http.StatusOK},
		"profile by name":          {path: "/debug/pprof/goroutine", pprof: true, want: http.StatusOK},
		"nothing else is answered": {path: "/", want: http.StatusNotFound},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := admin.New(config.Admin{PProf: test.pprof}, metrics, func() bool { return test.ready })
			w := httptest.NewRecorder()
			server.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, test.path, nil))
			if w.Code != test.want {
				t.Errorf("got %d, want %d", w.Code, test.want)
			}
		})
	}
}
