package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"example.com/harbour/internal/platform/faultproxy"
	"example.com/harbour/internal/platform/registry"
)

// TestForgetful is scenario 1: the agent is started anew while services run, and has forgotten them.
func TestForgetful(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a := startConsul(t)
		i, j := register(t, check, a.http), register(t, check, a.http)
		a.awaitListed(t, patience, i, j)
		calls := startCaller(t, at(a.http))
		a.kill()
		a.start()
		a.awaitListed(t, ttl+2*time.Second, i, j)
		a.awaitEntries(t, time.Second, 2)
		young := register(t, check, a.http)
		calls.awaitAnswer(10*time.Second, young.addr)
		calls.expectNoFailure()
	})
}

// TestOutage is scenario 2: the agent is out of reach for 12 TTLs. All are back, once each, and calls go on.
func TestOutage(t *testing.T) {
	ways := map[string]struct {
		fault func(a *agent, p *faultproxy.Proxy)
		heal  func(a *agent, p *faultproxy.Proxy)
	}{
		"refused":   {func(_ *agent, p *faultproxy.Proxy) { p.Cut() }, func(_ *agent, p *faultproxy.Proxy) { p.Heal() }},
		"partition": {func(_ *agent, p *faultproxy.Proxy) { p.Freeze(both) }, func(_ *agent, p *faultproxy.Proxy) { p.Heal() }},
		"no answer": {func(_ *agent, p *faultproxy.Proxy) { p.Freeze(faultproxy.ToClient) }, func(_ *agent, p *faultproxy.Proxy) { p.Heal() }},
		"down":      {func(a *agent, _ *faultproxy.Proxy) { a.kill() }, func(a *agent, _ *faultproxy.Proxy) { a.start() }},
	}
	eachCheck(t, func(t *testing.T, check string) {
		for name, way := range ways {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				a := startConsul(t)
				p := faultproxy.New(t, a.http)
				instances := []*instance{register(t, check, p.Addr()), register(t, check, p.Addr()), register(t, check, p.Addr())}
				a.awaitListed(t, patience, instances...)
				calls := startCaller(t, at(p.Addr()))
				way.fault(a, p)
				during(t, 12*ttl, func(context.Context) {})
				way.heal(a, p)
				a.awaitListed(t, 10*time.Second, instances...)
				a.awaitEntries(t, time.Second, len(instances))
				young := register(t, check, p.Addr())
				calls.awaitAnswer(20*time.Second, young.addr)
				calls.expectNoFailure()
				for _, i := range instances {
					if warned := strings.Count(i.log.String(), "WARN"); warned != 1 {
						t.Errorf("%d warnings of one outage:\n%s", warned, i.log)
					}
				}
			})
		}
	})
}

// TestLostConnections is scenario 3: a router forgets the connections that there are. New ones work.
func TestLostConnections(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		const ttl = 6 * time.Second
		a := startConsul(t)
		p := faultproxy.New(t, a.http)
		i := listFor(t, serve(t), check, p.Addr(), "", ttl)
		a.awaitListed(t, patience, i)
		calls := startCaller(t, at(p.Addr()))
		p.Lose()
		a.expectListed(t, 3*ttl, 1) // it is not missed: a new connection is tried within the TTL
		calls.awaitAnswer(ttl+20*time.Second, register(t, check, a.http).addr)
		calls.expectNoFailure()
	})
}

// TestHarmedByHand is scenario 5, and more that operators do: each way is put right within T+2.
func TestHarmedByHand(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a := startConsul(t)
		i := register(t, check, a.http)
		a.awaitListed(t, patience, i)
		id := service + "-" + i.addr
		// change registers the entry anew, without its check, which Consul keeps.
		change := func(change func(*api.AgentServiceRegistration)) func() error {
			return func() error {
				got, _, err := a.client.Agent().Service(id, nil)
				if err != nil {
					return err
				}
				r := &api.AgentServiceRegistration{
					ID: id, Name: service, Address: got.Address, Port: got.Port, Meta: got.Meta, Tags: got.Tags, Weights: &got.Weights,
				}
				change(r)
				return a.client.Agent().ServiceRegister(r)
			}
		}
		harms := map[string]func() error{
			"deregistered":       func() error { return a.client.Agent().ServiceDeregister(id) },
			"check deregistered": func() error { return a.client.Agent().CheckDeregister("service:" + id) },
			"tags changed":       change(func(r *api.AgentServiceRegistration) { r.Tags = []string{"x"} }),
			"meta changed":       change(func(r *api.AgentServiceRegistration) { r.Meta["version"] = "changed" }),
			"weight changed":     change(func(r *api.AgentServiceRegistration) { r.Weights = &api.AgentWeights{Passing: 9, Warning: 1} }),
			"name changed":       change(func(r *api.AgentServiceRegistration) { r.Name = "x" }),
			"address changed": func() error {
				r := &api.AgentServiceRegistration{ID: id, Name: service, Address: "127.0.0.2", Port: 1, Tags: []string{namespace}}
				return a.client.Agent().ServiceRegister(r)
			},
		}
		for name, harm := range harms {
			if err := harm(); err != nil {
				t.Fatal(err)
			}
			eventually(t, ttl+2*time.Second, name, func(ctx context.Context) bool {
				return slices.Equal(a.listed(ctx), []string{i.addr}) && a.hasOwn(id)
			})
		}
		a.awaitEntries(t, time.Second, 1)
	})
}

// hasOwn reports whether an entry has its check, and says what the instance says.
func (a *agent) hasOwn(id string) bool {
	checks, err := a.client.Agent().ChecksWithFilter(fmt.Sprintf("ServiceID == %q", id))
	if err != nil || len(checks) != 1 {
		return false
	}
	got, _, err := a.client.Agent().Service(id, nil)
	return err == nil && slices.Equal(got.Tags, []string{namespace}) && got.Meta["version"] != "changed" &&
		fmt.Sprint(got.Weights.Passing) == got.Meta["weight"]
}

// TestCheckOfAnotherKind has an earlier process have left its entry, whose check Consul makes, and fails.
func TestCheckOfAnotherKind(t *testing.T) {
	t.Parallel()
	a, s := startConsul(t), serve(t)
	old := &api.AgentServiceRegistration{ID: service + "-" + s.addr, Name: service, Tags: []string{namespace}}
	old.Check = &api.AgentServiceCheck{GRPC: "127.0.0.1:1", Interval: "1s", Status: api.HealthPassing}
	if err := a.client.Agent().ServiceRegister(old); err != nil {
		t.Fatal(err)
	}
	i := listFor(t, s, registry.CheckTTL, a.http, "", ttl)
	a.awaitListed(t, patience, i)
	a.expectListed(t, 2*ttl, 1)
}

// TestMaintenance has an operator take an instance out of service, which lasts, whatever else has to be put right.
func TestMaintenance(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a := startConsul(t)
		i := register(t, check, a.http)
		a.awaitListed(t, patience, i)
		id := service + "-" + i.addr
		if err := a.client.Agent().EnableServiceMaintenance(id, "a test"); err != nil {
			t.Fatal(err)
		}
		a.awaitListed(t, ttl)
		if err := a.client.Agent().CheckDeregister("service:" + id); err != nil {
			t.Fatal(err)
		}
		eventually(t, ttl+2*time.Second, "put right", func(context.Context) bool {
			checks, err := a.client.Agent().ChecksWithFilter(fmt.Sprintf("ServiceID == %q", id))
			return err == nil && len(checks) == 2
		})
		a.expectListed(t, ttl, 0)
		if warned := strings.Count(i.log.String(), "WARN"); warned > 2 { // of the check, and of maintenance
			t.Errorf("%d warnings:\n%s", warned, i.log)
		}
		if err := a.client.Agent().DisableServiceMaintenance(id); err != nil {
			t.Fatal(err)
		}
		a.awaitListed(t, ttl+2*time.Second, i)
	})
}

// TestHealth has an instance that answers no more, is not well, and that has crashed: Consul tells nobody of it.
func TestHealth(t *testing.T) {
	t.Parallel()
	a := startConsul(t)
	i := register(t, registry.CheckGRPC, a.http)
	a.awaitListed(t, patience, i)
	i.health.SetServingStatus(service, healthpb.HealthCheckResponse_NOT_SERVING)
	a.awaitListed(t, ttl+2*time.Second)
	eventually(t, 2*ttl, "logged", func(context.Context) bool { return strings.Contains(i.log.String(), "not healthy to Consul") })
	a.expectListed(t, 3*ttl, 0) // it is not put back as if it were well
	i.health.SetServingStatus(service, healthpb.HealthCheckResponse_SERVING)
	a.awaitListed(t, ttl+2*time.Second, i)
	i.stop()
	a.awaitListed(t, ttl+2*time.Second)
}

// TestStop is scenarios 6 and 7: the entry goes at once, or within the TTL when the agent can't be told.
func TestStop(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a := startConsul(t)
		const limit = 200 * time.Millisecond
		took := time.Hour
		for tries := 0; took > limit && tries < 3; tries++ { // the machine may have other things to do
			i := register(t, check, a.http)
			a.awaitListed(t, patience, i)
			start := time.Now()
			if err := i.deregister(); err != nil {
				t.Error(err)
			}
			took = min(took, time.Since(start))
			if got := a.listed(t.Context()); len(got) > 0 {
				t.Errorf("left %v", got)
			}
		}
		if t.Logf("stopped after %v", took); took > limit {
			t.Errorf("stopped after %v", took)
		}
		p := faultproxy.New(t, a.http) // and between two attempts, when the agent has just come back
		i := register(t, check, p.Addr())
		a.awaitListed(t, patience, i)
		p.Cut()
		during(t, 3*ttl, func(context.Context) {})
		p.Heal()
		if err := i.deregister(); err != nil {
			t.Error(err)
		}
		a.awaitEntries(t, time.Second, 0)
		faults := map[string]func(p *faultproxy.Proxy){
			"refused": (*faultproxy.Proxy).Cut, "partition": func(p *faultproxy.Proxy) { p.Freeze(both) },
		}
		for name, fault := range faults {
			for _, wait := range []time.Duration{0, 3 * ttl} { // stopped at once, or long after it was given up
				p := faultproxy.New(t, a.http)
				i := register(t, check, p.Addr())
				a.awaitListed(t, patience, i)
				fault(p)
				during(t, wait, func(context.Context) {})
				start := time.Now()
				_ = i.deregister() // in vain
				t.Logf("%s for %v: stopped after %v", name, wait, time.Since(start))
				i.stop()
				p.Heal()
				// What the network has held back until now lists it once more, for as long as its check takes to fail.
				during(t, ttl, func(context.Context) {})
				a.awaitListed(t, 5*time.Second)
				a.expectListed(t, ttl, 0)
				_ = a.client.Agent().ServiceDeregister(service + "-" + i.addr) // else Consul does, after a minute: TestCrash
			}
		}
	})
}

// TestBoot is scenario 9: there is no Consul when the app starts.
func TestBoot(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a := startConsul(t)
		a.kill()
		i := register(t, check, a.http)
		during(t, 3*ttl, func(context.Context) {})
		if warned := strings.Count(i.log.String(), "WARN"); warned != 1 {
			t.Errorf("%d warnings of one outage:\n%s", warned, i.log)
		}
		a.start()
		a.awaitListed(t, 10*time.Second, i)
		a.awaitEntries(t, time.Second, 1)
	})
}

// TestToken is scenario 11: the token is not one that Consul knows. That is no reason to be busy. Then it gets to know it.
func TestToken(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		const root, token = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
		a := startConsulWith(t, `acl { enabled = true, default_policy = "deny", tokens { initial_management = "`+root+`" } }`, root)
		proxy, requests := count(t, a)
		i := list(t, serve(t), check, proxy, token)
		cfg := at(proxy)
		cfg.Token = token
		conn := dial(t, cfg)
		conn.Connect()
		before := requests.Load()
		during(t, 10*time.Second, func(context.Context) {})
		n := requests.Load() - before
		t.Logf("%d requests in 10s, %d lines of log", n, strings.Count(i.log.String(), "\n"))
		if n > 20 || strings.Count(i.log.String(), "\n") > 2 {
			t.Errorf("%d requests in 10s, log:\n%s", n, i.log)
		}
		if strings.Contains(i.log.String(), token) {
			t.Errorf("it logs its token:\n%s", i.log)
		}
		policy := a.grant(token, `service_prefix "" { policy = "write" }`)
		a.awaitListed(t, 10*time.Second, i)
		// The token may not read nodes. What Consul leaves out of its answer for that is not taken for all that there is. A
		// query that is waiting gets no answer before its time: to Consul nothing has changed.
		eventually(t, 20*time.Second, "told why", func(context.Context) bool {
			_, err := call(conn, time.Second)
			return err != nil && strings.Contains(err.Error(), "the token may not read")
		})
		policy.Rules += ` node_prefix "" { policy = "read" }`
		if _, _, err := a.client.ACL().PolicyUpdate(policy, nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "called", func(context.Context) bool {
			_, err := call(conn, time.Second)
			return err == nil
		})
	})
}

// count puts a proxy before an agent, which counts requests.
func count(t *testing.T, a *agent) (addr string, requests *atomic.Int64) {
	t.Helper()
	requests = &atomic.Int64{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: a.http})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), requests
}

// grant makes a token with these rules.
func (a *agent) grant(token, rules string) *api.ACLPolicy {
	a.t.Helper()
	policy, _, err := a.client.ACL().PolicyCreate(&api.ACLPolicy{Name: "app", Rules: rules}, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	link := &api.ACLTokenPolicyLink{ID: policy.ID}
	if _, _, err := a.client.ACL().TokenCreate(&api.ACLToken{SecretID: token, Policies: []*api.ACLTokenPolicyLink{link}}, nil); err != nil {
		a.t.Fatal(err)
	}
	return policy
}

// TestTwoAtOneAddress is scenario 13. They don't take the entry from each other.
func TestTwoAtOneAddress(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a := startConsul(t)
		s := serve(t)
		one := list(t, s, check, a.http, "")
		a.awaitListed(t, patience, one)
		two := list(t, s, check, a.http, "")
		eventually(t, ttl+2*time.Second, "noticed", func(context.Context) bool {
			return strings.Contains(one.log.String(), "another instance")
		})
		a.awaitListed(t, patience, two) // whose check begins anew
		_, meta, err := a.client.Catalog().Service(service, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		a.expectListed(t, 4*ttl, 1)
		_, later, err := a.client.Catalog().Service(service, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if meta.LastIndex != later.LastIndex {
			t.Errorf("the entry has changed")
		}
		if err := two.deregister(); err != nil {
			t.Error(err)
		}
		a.awaitListed(t, ttl+5*time.Second, one)
	})
}

// TestTwoAtOneAddressInMaintenance has an operator take the address out of service: that doesn't make it anybody's.
func TestTwoAtOneAddressInMaintenance(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		a, s := startConsul(t), serve(t)
		one := list(t, s, check, a.http, "")
		a.awaitListed(t, patience, one)
		if err := a.client.Agent().EnableServiceMaintenance(service+"-"+s.addr, "a test"); err != nil {
			t.Fatal(err)
		}
		two := list(t, s, check, a.http, "")
		eventually(t, ttl+2*time.Second, "noticed", func(context.Context) bool {
			return strings.Contains(one.log.String(), "another instance")
		})
		a.expectListed(t, 3*ttl, 0)
		if said := one.log.String() + two.log.String(); strings.Count(said, "are there again") > 0 {
			t.Errorf("they fight:\n%s", said)
		}
	})
}

// TestSlow has a network that takes its time: a fourth of what an agent has for an answer. Nothing is lost, and nothing
// flaps.
func TestSlow(t *testing.T) {
	eachCheck(t, func(t *testing.T, check string) {
		const ttl = 8 * time.Second
		a := startConsul(t)
		p := faultproxy.New(t, a.http)
		p.Delay(ttl / 32)
		i := listFor(t, serve(t), check, p.Addr(), "", ttl)
		a.awaitListed(t, patience, i)
		calls := startCaller(t, at(p.Addr()))
		a.expectListed(t, 3*ttl, 1)
		calls.expectNoFailure()
		if n := strings.Count(i.log.String(), "\n"); n != 1 {
			t.Errorf("got %d lines of log:\n%s", n, i.log)
		}
	})
}
