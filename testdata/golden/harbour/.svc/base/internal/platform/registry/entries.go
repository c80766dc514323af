package registry

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"example.com/harbour/internal/platform/consul"
)

const (
	// instanceID is the meta that tells apart two processes that others reach at one address.
	instanceID = "instance"

	// shortestInterval and shortestReap are the least that Consul takes.
	shortestInterval = time.Second
	shortestReap     = time.Minute
)

// entries are an instance at an agent.
type entries struct {
	agent   *api.Agent
	timeout time.Duration // of a request
	id      string        // of the process
	kind    string        // of the checks
	host    string
	port    int
	all     []*api.AgentServiceRegistration
}

func (c *Consul) entries(instance Instance) (*entries, error) {
	host, text, err := net.SplitHostPort(instance.Addr)
	if err != nil {
		return nil, fmt.Errorf("address to register: %w", err)
	}
	port, err := net.LookupPort("tcp", text)
	if err != nil {
		return nil, fmt.Errorf("address to register: %w", err)
	}
	meta := map[string]string{instanceID: c.id}
	for key, value := range instance.Metadata {
		meta[key] = strings.ToValidUTF8(value, "\uFFFD") // as Consul has it
	}
	e := &entries{agent: c.client.Agent(), timeout: min(consul.Timeout, c.ttl/turns), id: c.id, kind: c.check, host: host, port: port}
	for _, service := range instance.Services {
		e.all = append(e.all, &api.AgentServiceRegistration{
			ID: service + "-" + e.addr(), Name: service, Address: host, Port: port,
			Tags: []string{c.namespace}, Meta: meta, Weights: weights(meta["weight"]), Check: c.newCheck(service, e.addr()),
		})
	}
	return e, nil
}

// newCheck returns the check of an entry, without a status.
func (c *Consul) newCheck(service, addr string) *api.AgentServiceCheck {
	check := &api.AgentServiceCheck{DeregisterCriticalServiceAfter: max(6*c.ttl, shortestReap).String()}
	if c.check == CheckTTL {
		check.TTL = c.ttl.String()
		return check
	}
	// One that was frozen takes two intervals and two timeouts to be found out: a TTL.
	check.GRPC = addr + "/" + service
	check.Interval = max(c.ttl/turns, shortestInterval).String()
	check.Timeout = check.Interval
	check.FailuresBeforeCritical = 2
	return check
}

// weights is the weight of an instance as Consul's own clients take it, or nil when there is none.
func weights(text string) *api.AgentWeights {
	weight, err := strconv.ParseUint(text, 10, 16)
	if err != nil || weight == 0 {
		return nil
	}
	return &api.AgentWeights{Passing: int(weight), Warning: 1}
}

func (e *entries) addr() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// put lists entries, replacing whatever has their ids. Their checks begin with a status, api.HealthPassing or another one;
// those that are there go on with theirs, and so do checks that others have added, such as Consul's own for maintenance.
func (e *entries) put(ctx context.Context, some []*api.AgentServiceRegistration, status string) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	options := api.ServiceRegisterOpts{}.WithContext(ctx)
	return each(some, func(r *api.AgentServiceRegistration) error {
		r.Check.Status = status
		return e.agent.ServiceRegisterOpts(r, options)
	})
}

// beat tells the agent that all entries are alive.
func (e *entries) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	options := (&api.QueryOptions{}).WithContext(ctx)
	return each(e.all, func(r *api.AgentServiceRegistration) error {
		return e.agent.UpdateTTLOpts(checkID(r), "", api.HealthPassing, options)
	})
}

// finding is what the agent has of an instance.
type finding struct {
	lost   []*api.AgentServiceRegistration // aren't there, or not as they should be
	ailing string                          // what a check says of one that is not healthy
}

// look asks the agent for the entries and their checks, in two requests at once, however many there are. It fails with
// ErrTaken when one is another process's, which lives.
func (e *entries) look(ctx context.Context) (finding, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	var checks map[string]*api.AgentCheck
	var failed error
	var asking sync.WaitGroup
	asking.Go(func() { checks, failed = e.checks(ctx) })
	there, err := e.there(ctx)
	asking.Wait()
	if err := cmp.Or(err, failed); err != nil {
		return finding{}, err
	}
	critical := map[string]string{} // ids, and why
	for _, id := range slices.Sorted(maps.Keys(checks)) {
		if check := checks[id]; check.Status == api.HealthCritical && critical[check.ServiceID] == "" {
			critical[check.ServiceID] = cmp.Or(check.Output, check.Notes, check.Name)
		}
	}
	var f finding
	for _, want := range e.all {
		got, check, why := there[want.ID], checks[checkID(want)], critical[want.ID]
		switch {
		case got == nil:
			f.lost = append(f.lost, want)
		case got.Meta[instanceID] != e.id && got.Meta[instanceID] != "" && check != nil && check.Status != api.HealthCritical:
			return finding{}, ErrTaken
		case !same(got, want) || check == nil:
			f.lost = append(f.lost, want)
		case why != "":
			f.ailing = why
		}
	}
	return f, nil
}

// clear removes checks of another kind that an earlier process has left at the address. With one of the entries' own under
// the same id, Consul would go on with both.
func (e *entries) clear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	checks, err := e.checks(ctx)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(e.all), func(r *api.AgentServiceRegistration) bool {
		check := checks[checkID(r)]
		return check == nil || check.Type == e.kind
	})
	options := (&api.QueryOptions{}).WithContext(ctx)
	return each(others, func(r *api.AgentServiceRegistration) error { return e.agent.CheckDeregisterOpts(checkID(r), options) })
}

// same reports whether what the agent has of an entry is what it was given.
func same(got *api.AgentService, want *api.AgentServiceRegistration) bool {
	weight := api.AgentWeights{Passing: 1, Warning: 1} // Consul's own
	if want.Weights != nil {
		weight = *want.Weights
	}
	return got.Service == want.Name && maps.Equal(got.Meta, want.Meta) && slices.Equal(got.Tags, want.Tags) && got.Weights == weight
}

// checkID is what Consul calls the check of an entry.
func checkID(r *api.AgentServiceRegistration) string { return "service:" + r.ID }

// checks returns all checks of the entries, and maybe of others.
func (e *entries) checks(ctx context.Context) (map[string]*api.AgentCheck, error) {
	filter := fmt.Sprintf("%q in ServiceID", "-"+e.addr())
	return e.agent.ChecksWithFilterOpts(filter, (&api.QueryOptions{}).WithContext(ctx))
}

// there returns what the agent lists at the address.
func (e *entries) there(ctx context.Context) (map[string]*api.AgentService, error) {
	filter := fmt.Sprintf("Address == %q and Port == %d", e.host, e.port)
	return e.agent.ServicesWithFilterOpts(filter, (&api.QueryOptions{}).WithContext(ctx))
}

// remove takes the entries off, apart from those that another process has made its own.
func (e *entries) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	there, err := e.there(ctx)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(slices.Clone(e.all), func(r *api.AgentServiceRegistration) bool {
		got := there[r.ID]
		return got == nil || got.Meta[instanceID] != e.id
	})
	options := (&api.QueryOptions{}).WithContext(ctx)
	return each(own, func(r *api.AgentServiceRegistration) error { return e.agent.ServiceDeregisterOpts(r.ID, options) })
}

// each does something for all entries at once, and returns the first error.
func each(all []*api.AgentServiceRegistration, do func(*api.AgentServiceRegistration) error) error {
	errs := make([]error, len(all))
	var done sync.WaitGroup
	for i, r := range all {
		done.Go(func() { errs[i] = do(r) })
	}
	done.Wait()
	return cmp.Or(errs...)
}
