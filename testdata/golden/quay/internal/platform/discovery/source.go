package discovery

import "context"

// Source is a registry, as those see it who look for services: all that a registry has to provide. The rest is done for
// every registry alike: what is known outlives its faults, in memory and on disk, and so on; see resolver.go.
//
// A source is made with the first connection that needs it, closed after the last, and asked for several services at
// once.
type Source interface {
	// Follow tells of all instances of a service: of those that there are, or that there are none, as soon as it knows,
	// and of all of them again after each change. It may tell the same twice. Addresses are there once, and in one order.
	//
	// It returns when ctx is done, and with an error when the registry can't be used: soon, not when the registry is
	// back. It is then called again after a pause. A nil error means: once more, now.
	Follow(ctx context.Context, namespace, service string, tell func([]Instance)) error

	// Close gives back what the source has taken. Follow is over by then.
	Close() error
}

// Told is a Source that wants to know when connections are lost, because it has to look for changes.
type Told interface {
	// Lost says that a connection to an instance of a service was lost, or could not be made. It does not block.
	Lost(namespace, service string)
}
