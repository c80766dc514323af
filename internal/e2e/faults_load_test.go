package e2e_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	buyers = 4
	think  = 10 * time.Millisecond // of a buyer, between orders
)

// testLoad has people buy from the shop while its apps are rolled over and scaled, and while etcd is away: scenario 27
// and more. An order crosses four apps, and half of its calls may not be repeated. None may fail.
func testLoad(t *testing.T, bin string) {
	addr := freeAddr(t)
	stopEtcd, etcd := launchEtcd(t, addr)
	s := openShop(bin, etcd)
	for app := range shopServices {
		s.scale(t, app, 1)
	}

	s.under(t, "three apps are rolled over", 300, func() {
		for _, app := range []string{"storefront", "finance", "fulfilment"} {
			s.scale(t, app, 3)
			for range 3 {
				s.scale(t, app, 4)
				s.stopOldest(t, app, 1)
			}
		}
	})
	s.under(t, "finance has 1 instance", 10, func() { s.stopOldest(t, "finance", 2) })
	ordering := s.running["ordering"][0] // which calls them all
	before := ordering.usage(t)
	s.under(t, "finance has 1, 50 and 1 instance", 30, func() {
		s.scale(t, "finance", 50)
		s.stopOldest(t, "finance", 49)
	})
	ordering.expectNoMore(t, before)
	open := s.usage(t)
	s.under(t, "etcd dies, and comes back empty", 500, func() {
		stopEtcd()
		<-time.After(2 * faultTTL) // a time that is the fault itself
		_, s.etcd = launchEtcd(t, addr)
		soon(t, 10*time.Second, "all listed again", func() bool { return len(s.listed(t)) == s.entries() })
	})
	expectNoMore(t, open)
}

// testPaced is scenario 27 to the letter: the three instances of a service are replaced, one by one and three times over, while a
// client of the project makes 2000 calls a second to it, none of which may be repeated.
func testPaced(t *testing.T, bin string) {
	const rate, quiet = 2000, "--set=log.level=warn"
	s := openShop(bin, startEtcd(t))
	s.scale(t, "finance", 3, quiet)
	load := start(t, s.bin, "load", nil, s.registry(), namespace)
	load.log.await(t, line{"msg": "under way"})
	for range 9 {
		s.scale(t, "finance", 4, quiet)
		s.stopOldest(t, "finance", 1)
	}
	if code := load.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	done := load.log.await(t, line{"msg": "done"})
	t.Logf("%.0f calls in %.1f s, %.0f failed, the slowest took %v", done["charged"], done["seconds"], done["failed"], done["slowest"])
	if done["failed"] != 0.0 {
		t.Errorf("the last: %v", done["why"])
	}
	if want := 0.8 * rate * done["seconds"].(float64); done["charged"].(float64) < want {
		t.Errorf("that is no such load: want %.0f calls", want)
	}
}

// buildShop builds the golden shop with handlers that sell, and programs that make calls.
func buildShop(t *testing.T) (bin string) {
	t.Helper()
	dir := t.TempDir()
	readTree(t, filepath.Join(goldens, "shop")).write(t, dir)
	for _, overlay := range []string{"shop", "load"} {
		readTree(t, filepath.Join(overlays, overlay)).write(t, dir)
	}
	writeCaller(t, dir, "github.com/acme/shop")
	return buildApps(t, dir)
}

// loadedShop is a shop whose apps come and go.
type loadedShop struct {
	*shop
	running map[string][]*process // by app, the oldest first
}

// openShop returns a shop that has no apps yet.
func openShop(bin string, etcd *clientv3.Client) *loadedShop {
	return &loadedShop{shop: &shop{bin: bin, etcd: etcd}, running: map[string][]*process{}}
}

// entries is how many etcd should have.
func (s *loadedShop) entries() (n int) {
	for app, instances := range s.running {
		n += len(instances) * len(shopServices[app])
	}
	return n
}

// usage is what all apps have open.
func (s *loadedShop) usage(t *testing.T) map[*process]usage {
	t.Helper()
	open := map[*process]usage{}
	for _, instances := range s.running {
		for _, p := range instances {
			open[p] = p.usage(t)
		}
	}
	return open
}

func expectNoMore(t *testing.T, open map[*process]usage) {
	t.Helper()
	for p, before := range open {
		p.expectNoMore(t, before)
	}
}

// scale starts instances of an app until there are n, and waits for them to be listed.
func (s *loadedShop) scale(t *testing.T, app string, n int, args ...string) {
	t.Helper()
	for len(s.running[app]) < n {
		s.running[app] = append(s.running[app], startRegistered(t, s.bin, app, s.registry(), args...))
	}
	s.awaitListed(t, s.entries())
}

// stopOldest ends the n oldest instances of an app, as a deployment does.
func (s *loadedShop) stopOldest(t *testing.T, app string, n int) {
	t.Helper()
	oldest := s.running[app][:n]
	s.running[app] = s.running[app][n:]
	for _, p := range oldest {
		p.signal(t)
	}
	for _, p := range oldest {
		if code := p.wait(t); code != 0 {
			t.Errorf("%s: exit code %d", app, code)
		}
	}
}

// under has people place orders while something happens: at least so many.
func (s *loadedShop) under(t *testing.T, what string, least int, happen func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all orders
	var done sync.WaitGroup
	var checkouts []foreign // without a registry, which is what may be sick
	for _, p := range s.running["ordering"] {
		addr, _ := p.serving(t)
		checkouts = append(checkouts, dial(t, addr))
		all.place(ctx, t, checkouts[len(checkouts)-1]) // learns the contract
	}
	for i := range buyers {
		checkout := checkouts[i%len(checkouts)]
		done.Go(func() {
			for ctx.Err() == nil {
				all.place(ctx, t, checkout)
				<-time.After(think)
			}
		})
	}
	happen()
	cancel()
	done.Wait()
	for _, checkout := range checkouts {
		_ = checkout.Close()
	}
	t.Logf("%s: %v", what, &all)
	for _, err := range all.failed[:min(len(all.failed), 10)] {
		t.Error(err)
	}
	if all.placed < least {
		t.Errorf("that is no load: want %d orders", least)
	}
}

// orders counts what came of orders.
type orders struct {
	mu      sync.Mutex
	placed  int
	failed  []error
	slowest time.Duration
}

func (o *orders) String() string {
	return fmt.Sprintf("%d orders placed, %d failed, the slowest took %v", o.placed, len(o.failed), o.slowest.Round(time.Millisecond))
}

// place places an order. One that is under way at the end counts, too.
func (o *orders) place(ctx context.Context, t *testing.T, checkout foreign) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	begin := time.Now()
	_, err := checkout.call(ctx, t, "shop.checkout.v1.Checkout/PlaceOrder", []string{`{"currencyCode": "SEK"}`})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.slowest = max(o.slowest, time.Since(begin))
	if err != nil {
		o.failed = append(o.failed, err)
		return
	}
	o.placed++
}
