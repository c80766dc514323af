// Command caller calls a service a hundred times a second, whatever comes of it, until it is asked to end. It logs whom it
// has come to call, or to call again, and each call that fails, with the address that it went to. No call waits for another
// one, nor is it repeated.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"example.com/project/pkg/client"
)

const (
	patience = 30 * time.Second // of the first call
	pause    = 10 * time.Millisecond
	deadline = 2 * time.Second        // less than an instance that a test has stopped is known to be away
	absence  = 200 * time.Millisecond // an instance that hasn't answered for so long is another one to the log
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(log, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Error("failed", "error", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger, endpoints, namespace, service string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg := client.Config{Endpoints: strings.Split(endpoints, ","), Namespace: namespace, CacheDir: "none"}
	conn, err := client.Dial(cfg, service, "{}")
	if err != nil {
		return err
	}
	defer conn.Close()
	c := caller{health: healthpb.NewHealthClient(conn), log: log}
	if err := c.connect(ctx); err != nil {
		return err
	}
	var calls sync.WaitGroup
	for tick := time.NewTicker(pause); ctx.Err() == nil; {
		calls.Go(c.call)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	calls.Wait()
	log.Info("done", "calls", c.calls.Load())
	return nil
}

// caller counts calls.
type caller struct {
	health healthpb.HealthClient
	log    *slog.Logger
	calls  atomic.Int64
	known  sync.Map // addresses, and when they answered last
}

// connect makes a call that isn't counted, and is patient.
func (c *caller) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.health.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	return err
}

func (c *caller) call() {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var from peer.Peer
	begin := time.Now()
	_, err := c.health.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&from))
	c.calls.Add(1)
	if err != nil {
		c.log.Info("call failed", "addr", fmt.Sprint(from.Addr), "began", begin, "took", time.Since(begin).Seconds(), "error", err)
		return
	}
	if last, known := c.known.Swap(from.Addr.String(), time.Now()); !known || time.Since(last.(time.Time)) > absence {
		c.log.Info("called", "addr", from.Addr.String())
	}
}
