package discovery

import (
	"context"
	"fmt"
	"io"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"example.com/quay/internal/platform/kubernetes"
)

// shortest is how long a watch goes on that is worth the name: one that ends sooner is no reason to start another at once.
const shortest = time.Second

// slicesSource is the cluster's API as a Source. The pods of a Service are in EndpointSlices of up to 100 each, which are
// listed, and then watched until it is time to list them again.
type slicesSource struct {
	slices *kubernetes.Slices
	find   func(namespace, service string) place
	zone   string // of the caller
}

// Follow implements Source.
func (s *slicesSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	at := s.find(namespace, service)
	list, err := s.slices.List(ctx, at.namespace, at.name)
	if err != nil {
		return fmt.Errorf("list the slices of %s: %w", at, err)
	}
	known := map[string]*discoveryv1.EndpointSlice{}
	for _, slice := range list.Items {
		known[slice.Name] = &slice
	}
	if !hasPort(known, at.port) {
		return fmt.Errorf("no slice of %s has the port", at)
	}
	tell(usable(known, at.port, s.zone))
	changes, err := s.slices.Watch(ctx, at.namespace, at.name, list.ResourceVersion)
	if err != nil {
		return fmt.Errorf("watch the slices of %s: %w", at, err)
	}
	defer changes.Stop()
	began := time.Now()
	err = takeOver(changes, known, func() { tell(usable(known, at.port, s.zone)) })
	if ctx.Err() == nil && time.Since(began) < shortest {
		return fmt.Errorf("watch the slices of %s: it has ended at once: %w", at, err)
	}
	return ctx.Err() // whatever else has ended it, listing will tell
}

// Close implements Source.
func (s *slicesSource) Close() error {
	s.slices.Close()
	return nil
}

// takeOver takes over changes until there are no more, and returns why.
func takeOver(changes watch.Interface, known map[string]*discoveryv1.EndpointSlice, changed func()) error {
	for change := range changes.ResultChan() {
		slice, ok := change.Object.(*discoveryv1.EndpointSlice)
		switch {
		case !ok:
			return errors.FromObject(change.Object) // most often, that what was listed is too old to go on from
		case change.Type == watch.Deleted:
			delete(known, slice.Name)
		default:
			known[slice.Name] = slice
		}
		changed()
	}
	return io.EOF
}
