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
// listed, and then watched until it is time to list them again. What the pods are, the labels of their Service say.
type slicesSource struct {
	slices *kubernetes.Slices
	find   func(namespace, service string) place
	zone   string // of the caller
}

// Follow implements Source.
func (s *slicesSource) Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error {
	at := s.find(namespace, service)
	list, err := s.slices.List(ctx, at.namespace, at.names)
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
	tell(usable(known, at, s.zone))
	changes, err := s.slices.Watch(ctx, at.namespace, at.names, list.ResourceVersion)
	if err != nil {
		return fmt.Errorf("watch the slices of %s: %w", at, err)
	}
	defer changes.Stop()
	began := time.Now()
	err = takeOver(changes, known, func() { tell(usable(known, at, s.zone)) })
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

// takeOver takes over changes until there are no more, and returns why. It tells of the first at once, and then of all those
// that the resolver would gather as of one: for a large Service each is some work.
func takeOver(changes watch.Interface, known map[string]*discoveryv1.EndpointSlice, tell func()) error {
	var pause <-chan time.Time // since it has told; nil when it is over
	more := false              // is to be told
	for {
		select {
		case change, open := <-changes.ResultChan():
			if !open {
				return io.EOF
			}
			if err := apply(change, known); err != nil {
				return err
			}
			more = true
		case <-pause:
			pause = nil
		}
		if more && pause == nil {
			tell()
			more, pause = false, time.After(gather)
		}
	}
}

// apply returns an error when a change is none, but says why there are no more: most often that what was listed is too old
// to go on from.
func apply(change watch.Event, known map[string]*discoveryv1.EndpointSlice) error {
	slice, ok := change.Object.(*discoveryv1.EndpointSlice)
	switch {
	case !ok:
		return errors.FromObject(change.Object)
	case change.Type == watch.Deleted:
		delete(known, slice.Name)
	default:
		known[slice.Name] = slice
	}
	return nil
}
