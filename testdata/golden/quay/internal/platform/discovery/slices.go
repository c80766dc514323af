package discovery

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"example.com/quay/internal/platform/kubernetes"
)

const zoneKey = "zone" // in an instance's metadata

// slicesSource is the cluster's API as a Source. The pods of a Service are in EndpointSlices of up to 100 each: an instance
// is an endpoint of any of them that is ready.
type slicesSource struct {
	slices *kubernetes.Slices
	find   func(namespace, service string) place
}

// Follow implements Source: it lists the slices, then takes over changes, until it is time to list again.
func (s *slicesSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	at := s.find(namespace, service)
	list, err := s.slices.List(ctx, at.namespace, at.name)
	if err != nil {
		return fmt.Errorf("list the slices of %s: %w", service, err)
	}
	known := map[string]*discoveryv1.EndpointSlice{}
	for _, slice := range list.Items {
		known[slice.Name] = &slice
	}
	tell(ready(known, at.port))
	changes, err := s.slices.Watch(ctx, at.namespace, at.name, list.ResourceVersion)
	if err != nil {
		return fmt.Errorf("watch the slices of %s: %w", service, err)
	}
	defer changes.Stop()
	began := time.Now()
	for change := range changes.ResultChan() {
		slice, ok := change.Object.(*discoveryv1.EndpointSlice)
		switch {
		case change.Type == watch.Error:
			return fmt.Errorf("watch the slices of %s: %w", service, errors.FromObject(change.Object))
		case !ok || change.Type == watch.Bookmark:
			continue
		case change.Type == watch.Deleted:
			delete(known, slice.Name)
		default:
			known[slice.Name] = slice
		}
		tell(ready(known, at.port))
	}
	if ctx.Err() == nil && time.Since(began) < time.Second {
		return fmt.Errorf("watch the slices of %s: it has ended at once", service)
	}
	return ctx.Err()
}

// Close implements Source.
func (*slicesSource) Close() error { return nil }

// ready returns the instances that take calls, one per address, in the order of addresses.
func ready(known map[string]*discoveryv1.EndpointSlice, port string) []Instance {
	found := []Instance{}
	for _, slice := range known {
		number, ok := portOf(slice, port)
		if !ok {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if unready := endpoint.Conditions.Ready; unready != nil && !*unready || len(endpoint.Addresses) == 0 {
				continue
			}
			instance := Instance{Addr: net.JoinHostPort(endpoint.Addresses[0], number)} // all of them are of one pod
			if endpoint.Zone != nil {
				instance.Metadata = Metadata{zoneKey: *endpoint.Zone}
			}
			found = append(found, instance)
		}
	}
	slices.SortFunc(found, func(a, b Instance) int {
		return cmp.Or(strings.Compare(a.Addr, b.Addr), strings.Compare(a.Metadata[zoneKey], b.Metadata[zoneKey]))
	})
	return slices.CompactFunc(found, func(a, b Instance) bool { return a.Addr == b.Addr })
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
