package e2e_test

import (
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// testPassword is scenario 11: etcd has come to want a password that the app doesn't have, or has another one. It is not
// let in, neither to register nor to follow others. That is no reason to be busy.
func testPassword(t *testing.T, bin string) {
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		s := &shop{etcd: startEtcd(t)}
		p := startRegistered(t, bin, "ordering", s.registry())
		s.awaitListed(t, 2)
		s.followed(t, p)
		open := p.usage(t)
		root := s.wantPassword(t)
		s.expectPatience(t, p, root)
		p.expectNoMore(t, open)
		expectEnd(t, p)
	})
	t.Run("wrong", func(t *testing.T) {
		t.Parallel()
		s := &shop{etcd: startEtcd(t)}
		root := s.wantPassword(t)
		p := startRegistered(t, bin, "ordering", s.registry(), "--set", "registry.username=root", "--set", "registry.password=wrong")
		s.followed(t, p)
		s.expectPatience(t, p, root)
		expectEnd(t, p)
	})
}

func expectEnd(t *testing.T, p *process) {
	t.Helper()
	if code := p.terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// followed has ordering look for another app: an order can't do without.
func (s *shop) followed(t *testing.T, ordering *process) {
	t.Helper()
	addr, _ := ordering.serving(t)
	if answer, err := dial(t, addr).call(within(t), t, "shop.checkout.v1.Checkout/PlaceOrder", []string{`{}`}); err == nil {
		t.Errorf("nobody is there, but an order is placed: %v", answer)
	}
}

// wantPassword has etcd want a password, and returns a client that has it.
func (s *shop) wantPassword(t *testing.T) *clientv3.Client {
	t.Helper()
	ctx := within(t)
	_, err := s.etcd.UserAdd(ctx, "root", "secret")
	if err == nil {
		_, err = s.etcd.UserGrantRole(ctx, "root", "root")
	}
	if err == nil {
		_, err = s.etcd.AuthEnable(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	root, err := clientv3.New(clientv3.Config{Endpoints: s.etcd.Endpoints(), Username: "root", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// expectPatience watches an app that is not let in, and lets it in again.
func (s *shop) expectPatience(t *testing.T, p *process, root *clientv3.Client) {
	t.Helper()
	const watched = 10 * time.Second
	p.log.await(t, line{"level": "WARN", "msg": "not registered, serving nevertheless, and trying again"})
	busy, lines := cpu(t, p), p.log.count(line{})
	<-time.After(watched) // a time to be busy in
	busy, lines = cpu(t, p)-busy, p.log.count(line{})-lines
	t.Logf("used %v of processor in %v, logged %d lines", busy, watched, lines)
	if lines >= int(watched.Seconds()) || busy > watched/20 {
		t.Errorf("it logs %d lines, and uses %v of processor in %v", lines, busy, watched)
	}
	if _, err := root.AuthDisable(within(t)); err != nil {
		t.Fatal(err)
	}
	soon(t, 10*time.Second, "listed", func() bool { return len(s.listed(t)) == 2 })
}
