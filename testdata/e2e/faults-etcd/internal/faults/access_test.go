package faults_test

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/acme/shop/internal/platform/access"
	"github.com/acme/shop/internal/platform/faultproxy"
	"github.com/acme/shop/internal/platform/testcert"
)

// TestPassword has an etcd that asks for a password, and whose tokens are good for two seconds. The app starts before etcd
// does, and etcd is started again, which voids all tokens.
func TestPassword(t *testing.T) {
	t.Parallel()
	m := startEtcd(t)
	m.kill()
	m.config["auth-token-ttl"] = 2
	m.restart()
	requirePassword(t, m.connect())
	m.kill()

	app := access.Access{Username: "app", Password: "secret"}
	i := registerAs(t, app, m.client)
	m.root = access.Access{Username: "root", Password: "secret"}
	m.restart()
	c := m.connect()
	awaitListed(t, c, 10*time.Second, i)
	calls := startCaller(t, as(app, m.client))
	during(t, 6*time.Second, func(ctx context.Context) {
		if ids := listed(ctx, c); ctx.Err() == nil && len(ids) != 1 {
			t.Errorf("listed are %v", ids)
		}
	})
	m.kill()
	m.restart()
	awaitListed(t, c, 10*time.Second, i)
	awaitLeases(t, c, 1)
	later := registerAs(t, app, m.client)
	awaitListed(t, c, 10*time.Second, i, later)
	calls.awaitAnswer(10*time.Second, later.addr)
	calls.expectNoFailure()
}

// requirePassword has etcd ask for the password of root, who may do anything, or of app, who may do what an app has to.
func requirePassword(t *testing.T, c *clientv3.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, do := range []func() error{
		func() error { _, err := c.UserAdd(ctx, "root", "secret"); return err },
		func() error { _, err := c.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := c.UserAdd(ctx, "app", "secret"); return err },
		func() error { _, err := c.RoleAdd(ctx, "apps"); return err },
		func() error {
			_, err := c.RoleGrantPermission(ctx, "apps", namespace+"/", clientv3.GetPrefixRangeEnd(namespace+"/"),
				clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := c.UserGrantRole(ctx, "app", "apps"); return err },
		func() error { _, err := c.AuthEnable(ctx); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificates has an etcd that wants certificates of its callers. Then all certificates are replaced, their authority
// too, and etcd is started again. The apps go on, and so does one that was idle: its first call comes in between.
func TestCertificates(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	dir := t.TempDir()
	files := access.TLS{CA: filepath.Join(dir, "ca"), Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	issue := func(authority *testcert.Authority) {
		cert, key := authority.Issue("anybody")
		for file, content := range map[string][]byte{files.CA: authority.PEM(), files.Cert: cert, files.Key: key} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		m.tls = &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	issue(testcert.NewAuthority(t))
	m.config["listen-client-urls"], m.config["advertise-client-urls"] = "https://"+m.client, "https://"+m.client
	m.config["client-transport-security"] = map[string]any{
		"cert-file": files.Cert, "key-file": files.Key, "trusted-ca-file": files.CA, "client-cert-auth": true,
	}
	runMembers(t, m)

	by := access.Access{TLS: files}
	i := registerAs(t, by, "https://"+m.client)
	c := m.connect()
	awaitListed(t, c, 10*time.Second, i)
	calls := startCaller(t, as(by, "https://"+m.client))
	p := faultproxy.New(t, m.client)
	idle := dial(t, as(by, "https://"+p.Addr()), grpc.WithIdleTimeout(time.Second))
	if _, err := call(idle, patience, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "idle", func(context.Context) bool { return p.Connections() == 0 })

	m.kill()
	if err := os.Remove(files.Key); err != nil { // the new ones are on their way
		t.Fatal(err)
	}
	if _, err := call(idle, atOnce); err != nil {
		t.Errorf("called without certificates: %v", err)
	}
	issue(testcert.NewAuthority(t))
	m.restart()
	c = m.connect()
	awaitListed(t, c, 10*time.Second, i)
	awaitLeases(t, c, 1)
	later := registerAs(t, by, "https://"+m.client)
	calls.awaitAnswer(10*time.Second, later.addr)
	eventually(t, 10*time.Second, "called by who was idle", func(context.Context) bool {
		from, err := call(idle, time.Second)
		return err == nil && from == later.addr
	})
	calls.expectNoFailure()
}
