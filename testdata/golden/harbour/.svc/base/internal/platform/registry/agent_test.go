package registry

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/consul/api"
)

// agent is as much of an agent of Consul as an instance gets to see. It doesn't call anybody.
type agent struct {
	url string

	mu        sync.Mutex
	services  map[string]*api.AgentServiceRegistration // a service without Check has lost it
	critical  map[string]string                        // ids of services, and why
	unchecked []string                                 // ids of services whose check was deregistered
	beats     int
	puts      int
	asked     []*http.Request
	token     string // that is let in; empty lets everybody in
	stuck     bool   // lists, and does not say so
}

func startAgent(t *testing.T) *agent {
	t.Helper()
	a := &agent{services: map[string]*api.AgentServiceRegistration{}, critical: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/agent/service/register", a.register)
	mux.HandleFunc("PUT /v1/agent/service/deregister/{id}", a.deregister)
	mux.HandleFunc("PUT /v1/agent/check/update/{id}", a.beat)
	mux.HandleFunc("PUT /v1/agent/check/deregister/{id}", a.uncheck)
	mux.HandleFunc("GET /v1/agent/services", a.list)
	mux.HandleFunc("GET /v1/agent/checks", a.listChecks)
	server := httptest.NewServer(a.guard(mux))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// guard lets one request in at a time, and none without the token.
func (a *agent) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.asked = append(a.asked, r)
		if a.token != "" && r.Header.Get("X-Consul-Token") != a.token {
			http.Error(w, "Permission denied", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *agent) register(w http.ResponseWriter, r *http.Request) {
	var service api.AgentServiceRegistration
	if err := json.NewDecoder(r.Body).Decode(&service); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// A check that is there keeps its state.
	if old := a.services[service.ID]; (old == nil || old.Check == nil) && service.Check.Status == api.HealthCritical {
		a.critical[service.ID] = "not checked yet"
	}
	a.services[service.ID] = &service
	a.puts++
	if a.stuck {
		a.mu.Unlock()
		<-r.Context().Done()
		a.mu.Lock()
	}
}

func (a *agent) deregister(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.services[r.PathValue("id")]; !ok {
		http.NotFound(w, r)
		return
	}
	delete(a.services, r.PathValue("id"))
}

func (a *agent) beat(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.PathValue("id"), "service:")
	if service, ok := a.services[id]; !ok || service.Check == nil || service.Check.TTL == "" {
		http.NotFound(w, r)
		return
	}
	delete(a.critical, id)
	a.beats++
}

func (a *agent) uncheck(_ http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.PathValue("id"), "service:")
	a.services[id].Check = nil
	a.unchecked = append(a.unchecked, id)
}

func (a *agent) list(w http.ResponseWriter, _ *http.Request) {
	services := map[string]*api.AgentService{}
	for id, s := range a.services {
		got := &api.AgentService{ID: id, Service: s.Name, Address: s.Address, Port: s.Port, Tags: s.Tags, Meta: s.Meta}
		got.Weights = api.AgentWeights{Passing: 1, Warning: 1}
		if s.Weights != nil {
			got.Weights = *s.Weights
		}
		services[id] = got
	}
	_ = json.NewEncoder(w).Encode(services)
}

func (a *agent) listChecks(w http.ResponseWriter, _ *http.Request) {
	checks := map[string]*api.AgentCheck{}
	for id, s := range a.services {
		if s.Check == nil {
			continue
		}
		check := &api.AgentCheck{CheckID: "service:" + id, ServiceID: id, Status: api.HealthPassing, Type: CheckGRPC}
		if s.Check.TTL != "" {
			check.Type = CheckTTL
		}
		if why, is := a.critical[id]; is {
			check.Status, check.Output = api.HealthCritical, why
		}
		checks[check.CheckID] = check
	}
	_ = json.NewEncoder(w).Encode(checks)
}

// do changes the agent while nobody talks to it.
func (a *agent) do(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

// looks is how often the agent was asked for checks.
func (a *agent) looks() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.asked {
		if r.URL.Path == "/v1/agent/checks" {
			n++
		}
	}
	return n
}

// find returns an entry, or nil.
func (a *agent) find(id string) *api.AgentServiceRegistration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.services[id]
}
