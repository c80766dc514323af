package discovery

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
)

const zoneKey = "zone" // in an instance's metadata

// labels are where a Service says what its pods are, by the keys of their metadata. Kubernetes copies a Service's labels to
// its slices. The first two are those that charts have by convention.
var labels = map[string]string{
	"app": "app.kubernetes.io/name", "version": "app.kubernetes.io/version", "environment": "environment", "weight": "weight",
}

// endpoint is one of a slice's, and where it is called.
type endpoint struct {
	discoveryv1.Endpoint
	addr    string
	slice   *discoveryv1.EndpointSlice
	service int // in the order of the place's names
}

// usable returns the instances that take calls from a zone, one per pod, in the order of addresses.
func usable(known map[string]*discoveryv1.EndpointSlice, at place, zone string) []Instance {
	var all []endpoint
	for i, name := range at.names {
		for _, e := range usableOf(slicesOf(known, name), at.port, zone) {
			e.service = i
			all = append(all, e)
		}
	}
	// A pod may be in two slices while it moves. One of two Services is what the later says: the narrower one, which is
	// named beside a Service of all versions.
	slices.SortFunc(all, func(a, b endpoint) int {
		return cmp.Or(strings.Compare(a.addr, b.addr), cmp.Compare(b.service, a.service), strings.Compare(a.slice.Name, b.slice.Name))
	})
	all = slices.CompactFunc(all, func(a, b endpoint) bool { return a.addr == b.addr })
	instances := make([]Instance, 0, len(all))
	for _, e := range all {
		instances = append(instances, Instance{Addr: e.addr, Metadata: e.metadata()})
	}
	return instances
}

// slicesOf returns those of one Service.
func slicesOf(known map[string]*discoveryv1.EndpointSlice, service string) []*discoveryv1.EndpointSlice {
	var found []*discoveryv1.EndpointSlice
	for _, slice := range known {
		if slice.Labels[discoveryv1.LabelServiceName] == service {
			found = append(found, slice)
		}
	}
	return found
}

// usableOf returns those of a Service's endpoints that take calls from a zone. It follows the rules of kube-proxy: those
// that are ready, and are meant for the zone; or else those that are about to end, and serve until they do.
func usableOf(service []*discoveryv1.EndpointSlice, port, zone string) []endpoint {
	all := endpoints(service, discoveryv1.AddressTypeIPv4, port)
	if len(all) == 0 { // with both there would be two of each pod
		all = endpoints(service, discoveryv1.AddressTypeIPv6, port)
	}
	found := near(only(all, ready), zone)
	if len(found) == 0 {
		found = only(all, leaving)
	}
	return found
}

func endpoints(service []*discoveryv1.EndpointSlice, family discoveryv1.AddressType, port string) []endpoint {
	var all []endpoint
	for _, slice := range service {
		number, ok := portOf(slice, port)
		if !ok || slice.AddressType != family {
			continue
		}
		for _, e := range slice.Endpoints {
			if len(e.Addresses) > 0 { // further ones have no meaning
				all = append(all, endpoint{Endpoint: e, addr: net.JoinHostPort(e.Addresses[0], number), slice: slice})
			}
		}
	}
	return all
}

// metadata is what is known of an instance.
func (e endpoint) metadata() Metadata {
	m := Metadata{}
	for key, label := range labels {
		if value := e.slice.Labels[label]; value != "" {
			m[key] = value
		}
	}
	if zone := zoneOf(e); zone != "" {
		m[zoneKey] = zone
	}
	return m
}

func only(all []endpoint, is func(endpoint) bool) []endpoint {
	return slices.DeleteFunc(slices.Clone(all), func(e endpoint) bool { return !is(e) })
}

// ready reports whether an endpoint takes calls. What isn't said is a yes.
func ready(e endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }

// leaving reports whether an endpoint still takes calls while it ends.
func leaving(e endpoint) bool {
	c := e.Conditions
	return c.Terminating != nil && *c.Terminating && c.Serving != nil && *c.Serving
}

// near returns those that are meant for a zone. That counts when all of them say which zone they are for, and any is for
// this one.
func near(all []endpoint, zone string) []endpoint {
	var here []endpoint
	for _, e := range all {
		if e.Hints == nil || len(e.Hints.ForZones) == 0 {
			return all
		}
		if slices.Contains(e.Hints.ForZones, discoveryv1.ForZone{Name: zone}) {
			here = append(here, e)
		}
	}
	if len(here) == 0 {
		return all
	}
	return here
}

func zoneOf(e endpoint) string {
	if e.Zone == nil {
		return ""
	}
	return *e.Zone
}

// hasPort reports whether pods can be called at the port, as far as there are any.
func hasPort(known map[string]*discoveryv1.EndpointSlice, port string) bool {
	pods := false
	for _, slice := range known {
		if _, ok := portOf(slice, port); ok {
			return true
		}
		pods = pods || len(slice.Endpoints) > 0
	}
	return !pods
}

// portOf returns the number of a slice's port, which is known by its name or number.
func portOf(slice *discoveryv1.EndpointSlice, port string) (string, bool) {
	for _, p := range slice.Ports {
		if p.Port == nil {
			continue
		}
		number := strconv.Itoa(int(*p.Port))
		if number == port || p.Name != nil && *p.Name == port {
			return number, true
		}
	}
	return "", false
}
