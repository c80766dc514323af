package e2e_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// testQuorum has people buy from the shop while its registry, an etcd of three members, has a bad day: its leader is
// killed, then two of the three, and in the end all are frozen. No order fails, and all apps are listed when it is over.
func testQuorum(t *testing.T, bin string) {
	members, etcd := startMembers(t, 3)
	s := openShop(bin, etcd)
	for app := range shopServices {
		s.scale(t, app, 2)
	}
	fault := func() { <-time.After(3 * faultTTL) } // a time that is the fault itself
	back := func() {
		soon(t, 10*time.Second, "all are listed", func() bool {
			all, err := s.list(t)
			return err == nil && len(all) == s.entries()
		})
	}

	moment := func() { <-time.After(time.Second) }
	s.under(t, "before", 10, moment) // has each app know whom it calls: one that has never known anybody can't go on with them
	open := s.usage(t)
	s.under(t, "the leader is killed, and started again", 150, func() {
		m := leader(t, members, etcd)
		m.kill()
		fault()
		back()
		m.start(t)
	})
	s.under(t, "two of three are killed, and started again", 150, func() {
		for _, m := range members[:2] {
			m.kill()
		}
		fault()
		_, admin := s.running["finance"][0].serving(t)
		for _, path := range []string{"/healthz", "/readyz"} { // an app is not the worse for it
			if code, body := get(t, admin, path); code != http.StatusOK {
				t.Errorf("%s: %d %s", path, code, body)
			}
		}
		for _, m := range members[:2] {
			m.start(t)
		}
		back()
	})
	expectNoMore(t, open)
	s.under(t, "all three are frozen", 150, func() {
		for _, m := range members {
			m.signal(t, syscall.SIGSTOP)
		}
		fault()
		delete(open, s.running["storefront"][0])
		s.stopOldest(t, "storefront", 1) // has clients, too, and ends as soon as ever
		for _, m := range members {
			m.signal(t, syscall.SIGCONT)
		}
		back()
	})
	expectNoMore(t, open)
	for app := range shopServices { // new ones are found, by those that have seen it all
		s.scale(t, app, 3)
		s.stopOldest(t, app, 2)
	}
	s.under(t, "afterwards", 10, moment)
}
