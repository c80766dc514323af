// Package admin serves what operators and platforms ask for: metrics, probes and profiles.
package admin

import (
	"net/http"
	"net/http/pprof"
	"time"

	"example.com/quay/internal/platform/config"
)

// New returns the HTTP server of the admin port. /healthz says that the process runs, /readyz that it should be sent
// calls, which ready decides.
func New(cfg config.Admin, metrics http.Handler, ready func() bool) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, true) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, ready()) })
	if cfg.PProf {
		handleProfiles(mux)
	}
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}

func answer(w http.ResponseWriter, ok bool) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("not ready\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

func handleProfiles(mux *http.ServeMux) {
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
}
