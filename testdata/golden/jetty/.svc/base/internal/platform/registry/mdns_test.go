package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"example.com/jetty/internal/platform/config"
	"example.com/jetty/internal/platform/mdns"
	"example.com/jetty/internal/platform/mdnstest"
)

const ttl = 400 * time.Millisecond

// heard reports whether somebody who asks hears of a service of the namespace within a moment.
func heard(t *testing.T, namespace, service string) (found *mdns.Entry) {
	t.Helper()
	conn, err := mdns.Listen([]string{mdnstest.Loopback(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	err = conn.Query(ctx, namespace, service, 300*time.Millisecond, func(e mdns.Entry) { found = &e; enough() })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestMDNSLists(t *testing.T) {
	t.Parallel()
	lister := &MDNS{interfaces: []string{"none", mdnstest.Loopback(t)}, namespace: rand.Text(), ttl: ttl, log: slog.New(slog.DiscardHandler)}
	instance := Instance{Services: []string{"a.v1.A", "b.v1.B"}, Addr: "127.0.0.1:9", Metadata: map[string]string{"app": "a"}}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	listed, ended := make(chan bool), make(chan error, 1)
	go func() {
		ended <- lister.List(ctx, instance, func() {
			select {
			case listed <- true:
			case <-ctx.Done():
			}
		})
	}()
	for range 3 { // it goes on making sure
		select {
		case <-listed:
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(20 * time.Second):
			t.Fatal("not listed")
		}
	}
	for _, service := range instance.Services {
		got := heard(t, lister.namespace, service)
		for tries := 0; got == nil && tries < 30; tries++ { // answers get lost
			got = heard(t, lister.namespace, service)
		}
		if got == nil || got.Addr != instance.Addr || got.Metadata["app"] != "a" {
			t.Errorf("%s: got %+v", service, got)
		}
	}
	begin := time.Now()
	leave()
	err := <-ended
	if took := time.Since(begin); took > time.Second || !errors.Is(err, context.Canceled) {
		t.Errorf("it leaves after %v: %v", took, err)
	}
	if got := heard(t, lister.namespace, "a.v1.A"); got != nil {
		t.Errorf("still there: %+v", got)
	}
}

func TestMDNSNoticesThatNobodyHears(t *testing.T) {
	t.Parallel()
	lister := &MDNS{interfaces: []string{mdnstest.Loopback(t)}, namespace: rand.Text(), ttl: ttl}
	conn, err := mdns.Listen(lister.interfaces)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	unsaid := []mdns.Entry{{Namespace: lister.namespace, Service: "a.v1.A", Addr: "127.0.0.1:9"}}
	mute, err := mdns.Serve(lister.interfaces, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	err = lister.hold(t.Context(), mute, conn, unsaid, func() { t.Error("listed") })
	if err == nil || !strings.Contains(err.Error(), "multicast") {
		t.Errorf("got %v", err)
	}
}

func TestOpen(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	if got, err := Open(config.Registry{}, log); err != nil || !strings.HasPrefix(got.(None).Reason, "registry.endpoints is empty") {
		t.Errorf("got %+v, %v", got, err)
	}
	opened, err := Open(config.Registry{Endpoints: []string{"none"}, Namespace: "a", TTL: ttl}, log)
	if err != nil {
		t.Fatal(err)
	}
	opened.Register(Instance{Services: []string{"a.v1.A"}, Addr: "127.0.0.1:9"})
	if err := opened.Deregister(t.Context()); err != nil {
		t.Error(err)
	}
}
