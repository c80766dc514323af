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

// endpoint is one of a slice's, and where it is called.
type endpoint struct {
	discoveryv1.Endpoint
	addr string
}

// usable returns the instances that take calls from a zone, one per pod, in the order of addresses. It follows the rules of
// kube-proxy: those that are ready, and are meant for the zone; or else those that are about to end, and serve until they
// do.
func usable(known map[string]*discoveryv1.EndpointSlice, port, zone string) []Instance {
	all := endpoints(known, discoveryv1.AddressTypeIPv4, port)
	if len(all) == 0 { // with both there would be two of each pod
		all = endpoints(known, discoveryv1.AddressTypeIPv6, port)
	}
	found := near(only(all, ready), zone)
	if len(found) == 0 {
		found = only(all, leaving)
	}
	slices.SortFunc(found, func(a, b endpoint) int {
		return cmp.Or(strings.Compare(a.addr, b.addr), strings.Compare(zoneOf(a), zoneOf(b)))
	})
	found = slices.CompactFunc(found, func(a, b endpoint) bool { return a.addr == b.addr }) // it may be in two slices while it moves
	instances := make([]Instance, 0, len(found))
	for _, e := range found {
		instance := Instance{Addr: e.addr}
		if zone := zoneOf(e); zone != "" {
			instance.Metadata = Metadata{zoneKey: zone}
		}
		instances = append(instances, instance)
	}
	return instances
}

func endpoints(known map[string]*discoveryv1.EndpointSlice, family discoveryv1.AddressType, port string) []endpoint {
	var all []endpoint
	for _, slice := range known {
		number, ok := portOf(slice, port)
		if !ok || slice.AddressType != family {
			continue
		}
		for _, e := range slice.Endpoints {
			if len(e.Addresses) > 0 { // further ones have no meaning
				all = append(all, endpoint{Endpoint: e, addr: net.JoinHostPort(e.Addresses[0], number)})
			}
		}
	}
	return all
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
