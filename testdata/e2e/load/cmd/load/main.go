// Command load charges so many cards a second, whatever comes of it, until it is asked to end. Then it says what came of it.
// A charge is never repeated.
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

	financev1 "github.com/acme/shop/gen/shop/finance/v1"
	"github.com/acme/shop/pkg/client"
	"github.com/acme/shop/pkg/client/shop/finance/v1/paymentclient"
)

const rate = 2000 // calls a second

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(log, os.Args[1], os.Args[2]); err != nil {
		log.Error("failed", "error", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger, endpoints, namespace string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	payment, conn, err := paymentclient.Dial(client.Config{Endpoints: strings.Split(endpoints, ","), Namespace: namespace, CacheDir: "none"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := payment.Charge(ctx, &financev1.ChargeRequest{ChargeId: "first"}); err != nil { // it connects
		return err
	}
	log.Info("under way")
	c := charges{payment: payment}
	begin := time.Now()
	c.place(ctx, begin)
	log.Info("done", "seconds", time.Since(begin).Seconds(), "charged", c.charged.Load(), "failed", c.failed.Load(),
		"why", fmt.Sprint(c.why.Load()), "slowest", time.Duration(c.slowest.Load()).String())
	return nil
}

// charges counts what came of calls.
type charges struct {
	payment                  financev1.PaymentClient
	charged, failed, slowest atomic.Int64
	why                      atomic.Value // the last error
}

// place makes the calls that are due, every few milliseconds, without waiting for their answers. It returns once ctx is
// done and all are answered.
func (c *charges) place(ctx context.Context, begin time.Time) {
	var calls sync.WaitGroup
	defer calls.Wait()
	sent := 0
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		for due := int(time.Since(begin).Seconds() * rate); sent < due; sent++ {
			calls.Go(c.charge)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// charge makes a call. It has as long as the contract gives it.
func (c *charges) charge() {
	begin := time.Now()
	if _, err := c.payment.Charge(context.Background(), &financev1.ChargeRequest{ChargeId: "again"}); err != nil {
		c.failed.Add(1)
		c.why.Store(err.Error())
		return
	}
	c.charged.Add(1)
	for took := int64(time.Since(begin)); ; {
		if was := c.slowest.Load(); took <= was || c.slowest.CompareAndSwap(was, took) {
			return
		}
	}
}
