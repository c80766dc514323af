package faults_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// TestDeadline is scenario 15: nobody answers on the network, and a call returns when its deadline says so.
func TestDeadline(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	took := time.Hour
	for tries := 0; took > 350*time.Millisecond && tries < 3; tries++ { // the machine may have other things to do
		conn := dial(t, n.client())
		start := time.Now()
		_, err := call(conn, 300*time.Millisecond)
		if took = min(took, time.Since(start)); err == nil {
			t.Error("it is answered")
		}
	}
	if t.Logf("called for %v", took); took > 350*time.Millisecond {
		t.Errorf("called for %v", took)
	}
}

// TestColdStart is scenario 17: a new process, a network on which nothing is heard, and what the last process has found on
// disk.
func TestColdStart(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	server := n.register(t)
	cfg := n.client()
	cfg.CacheDir = t.TempDir()
	before := dial(t, cfg)
	if _, err := call(before, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.deregister(); err != nil { // answers nobody any more, but serves
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := call(dial(t, cfg), atOnce); err != nil {
		t.Errorf("got %v", err)
	}
	t.Logf("called after %v", time.Since(start))
}

// TestIdle is scenario 16: the resolver has ended because nobody called, and nothing is heard when somebody does again.
func TestIdle(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	server := n.register(t)
	conn := dial(t, n.client(), grpc.WithIdleTimeout(time.Second))
	if _, err := call(conn, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "idle", func(context.Context) bool { return conn.GetState() == connectivity.Idle })
	if err := server.deregister(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := call(conn, atOnce); err != nil {
		t.Errorf("got %v", err)
	}
	t.Logf("called after %v", time.Since(start))
}
