package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// An order crosses three apps in a row, ordering, fulfilment and finance, and comes to Convert twice: from ordering, and
// from fulfilment.
const (
	placeOrder = "shop.checkout.v1.Checkout/PlaceOrder"
	convert    = "shop.finance.v1.Currency/Convert"
	converts   = 2 // of an order
	canary     = "v2.0.0"
	pause      = 3 * time.Second
)

// callSettings are how the apps of the shop call each other: half of the requests are for a version of Currency that
// comes later, and breakers open soon.
func callSettings(prefix string) []string {
	return []string{
		prefix + "_CLIENT_CANARY=shop.finance.v1.Currency=" + canary + " 50%",
		prefix + "_CLIENT_BREAKER_RATIO=0.2",
		prefix + "_CLIENT_BREAKER_MIN_CALLS=10",
		prefix + "_CLIENT_BREAKER_PAUSE=" + pause.String(),
	}
}

// order places an order in a request of its own, and returns its id.
func order(ctx context.Context, checkout foreign, t *testing.T, currency string, also ...string) (id string, err error) {
	t.Helper()
	id = fmt.Sprintf("order-%d", time.Now().UnixNano())
	ctx = metadata.AppendToOutgoingContext(ctx, append(also, "x-request-id", id)...)
	_, err = checkout.call(ctx, t, placeOrder, []string{`{"currencyCode": "` + currency + `"}`})
	return id, err
}

// testCanary has an old and a new version of finance. All of the calls of a request go to the same one, whichever app
// makes them.
func (s *shop) testCanary(t *testing.T) {
	old, newer := s.apps["finance"], s.startFrom(t, s.canary, "finance")
	s.awaitListed(t, 11)
	checkout := s.dial(t, "shop.checkout.v1.Checkout")
	// where tells which one had the calls of an order.
	where := func(also ...string) *process {
		t.Helper()
		id, err := order(within(t), checkout, t, "SEK", also...)
		if err != nil {
			t.Fatal(err)
		}
		var atOld, atNewer int
		soon(t, patience, "log of "+id, func() bool {
			want := line{"msg": "call finished", "method": convert, "request_id": id}
			atOld, atNewer = old.log.count(want), newer.log.count(want)
			return atOld+atNewer == converts
		})
		switch converts {
		case atOld:
			return old
		case atNewer:
			return newer
		}
		t.Fatalf("%s: %d calls went to the old version, %d to the new one", id, atOld, atNewer)
		return nil
	}
	soon(t, patience, "the new version is called by all", func() bool {
		id, err := order(within(t), checkout, t, "SEK", "x-version", canary)
		return err == nil && newer.log.count(line{"method": convert, "request_id": id}) == converts
	})
	share := map[*process]int{}
	for range 40 {
		share[where()]++
	}
	if share[old] < 5 || share[newer] < 5 { // less than once in ten million times by chance
		t.Errorf("of 40 requests, the old version got %d, the new one %d", share[old], share[newer])
	}
	for header, want := range map[string]*process{
		canary: newer, "shop.finance.v1.Currency=" + canary: newer, "shop.finance.v1.Currency=v1.2.3": old,
		"v3.0.0": old, // the rest is for what isn't there
	} {
		for range 5 {
			if where("x-version", header) != want {
				t.Errorf("x-version: %s goes to the other version", header)
			}
		}
	}
	newer.signal(t)
	for ended := false; !ended; {
		select {
		case <-newer.done:
			ended = true
		default:
		}
		if _, err := order(within(t), checkout, t, "SEK", "x-version", canary); err != nil {
			t.Fatalf("the version goes, and a call that wants it is lost: %v", err)
		}
	}
	if where("x-version", canary) != old {
		t.Error("with the new version gone, the old one is not called")
	}
	s.awaitListed(t, 9)
}

// testDeadline has a caller who waits for less than the contract gives Shipping, and finance, two apps further on, know it.
func (s *shop) testDeadline(t *testing.T) {
	const short, contract = 2 * time.Second, 2500 * time.Millisecond
	checkout := s.dial(t, "shop.checkout.v1.Checkout")
	soon(t, patience, "the caller's deadline is known to the last one who is called", func() bool {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), short)
		defer cancel()
		id, err := order(ctx, checkout, t, "SEK")
		if err != nil {
			return false
		}
		known := s.apps["finance"].log.await(t, line{"msg": "converting", "to": "CHF", "request_id": id})["deadline"]
		deadline, err := time.Parse(time.RFC3339Nano, fmt.Sprint(known))
		if err != nil {
			t.Fatal(err)
		}
		return deadline.Before(start.Add(contract))
	})
}

// testBreaker has one method of finance fail for ordering.
func (s *shop) testBreaker(t *testing.T) {
	checkout := s.dial(t, "shop.checkout.v1.Checkout")
	_, ordering := s.apps["ordering"].serving(t)
	_, fulfilment := s.apps["fulfilment"].serving(t)
	soon(t, patience, "the breaker opens", func() bool {
		_, err := order(within(t), checkout, t, "ZWL")
		return status.Code(err) == codes.Unavailable
	})
	checkBreaker(t, ordering, convert, 2)
	checkBreaker(t, ordering, "shop.fulfilment.v1.Shipping/GetQuote", 0) // other methods are well
	checkBreaker(t, fulfilment, convert, 0)                              // and so is this one, for others

	id, err := order(within(t), checkout, t, "SEK")
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), convert) {
		t.Errorf("got %v while the breaker is open", err)
	}
	s.apps["fulfilment"].log.await(t, line{"method": "shop.fulfilment.v1.Shipping/GetQuote", "request_id": id, "code": "OK"})
	if s.apps["finance"].log.count(line{"method": convert, "request_id": id}) > 0 {
		t.Error("finance is called all the same")
	}

	soon(t, patience, "a call is let through, and fails", func() bool {
		_, err := order(within(t), checkout, t, "ZWL")
		return status.Code(err) == codes.Internal
	})
	checkBreaker(t, ordering, convert, 2)
	soon(t, patience, "a call is let through, and succeeds", func() bool {
		_, err := order(within(t), checkout, t, "SEK")
		return err == nil
	})
	checkBreaker(t, ordering, convert, 1)
	for range 2 {
		if _, err := order(within(t), checkout, t, "SEK"); err != nil {
			t.Fatal(err)
		}
	}
	checkBreaker(t, ordering, convert, 0)
	s.apps["ordering"].log.await(t, line{"msg": "circuit breaker changed", "method": "/" + convert, "from": "half-open", "to": "closed"})
}

// checkBreaker looks for the state of a method's breaker in the metrics of the app that calls it.
func checkBreaker(t *testing.T, admin, method string, want int) {
	t.Helper()
	_, metrics := get(t, admin, "/metrics")
	for l := range strings.Lines(metrics) {
		if strings.HasPrefix(l, "client_breaker_state{") && strings.Contains(l, `method="/`+method+`"`) {
			if !strings.HasSuffix(l, fmt.Sprintf("} %d\n", want)) {
				t.Errorf("want state %d: %s", want, l)
			}
			return
		}
	}
	t.Errorf("no state of %s in the metrics", method)
}
