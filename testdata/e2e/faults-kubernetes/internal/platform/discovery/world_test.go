package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/rest"

	"example.com/quay/internal/leftover"
	"example.com/quay/internal/platform/backoff"
	"example.com/quay/internal/platform/faultproxy"
	"example.com/quay/internal/platform/kubernetes"
)

const (
	service    = "a.v1.A"
	headlessOf = "a-headless"
	both       = faultproxy.ToServer | faultproxy.ToClient
)

// world is a namespace of a cluster, pods in it, and a bad network to the API server.
type world struct {
	*pods
	api       *apiserver
	t         *testing.T
	namespace string
	proxy     *faultproxy.Proxy
	token     string // file
	log       *log
}

// newWorld has a namespace, and a service account in it that may read its slices.
func newWorld(t *testing.T, a *apiserver, namespace string) *world {
	t.Helper()
	w := newForbiddenWorld(t, a, namespace)
	a.allow(t, namespace, "app")
	return w
}

// newForbiddenWorld is one in which the service account has no rights yet.
func newForbiddenWorld(t *testing.T, a *apiserver, namespace string) *world {
	t.Helper()
	w := &world{
		pods: newPods(t), api: a, t: t, namespace: namespace, proxy: faultproxy.New(t, a.addr),
		token: filepath.Join(t.TempDir(), "token"), log: &log{},
	}
	t.Cleanup(func() { // once those who look have ended
		w.proxy.Heal() // what is frozen can't be seen to have ended
		eventually(t, enough, "nobody is connected", func(context.Context) bool { return w.proxy.Connections() == 0 })
	})
	a.do(t, http.MethodPost, "/api/v1/namespaces", object{"metadata": object{"name": namespace}})
	w.rotate(a.account(t, namespace, "app", "first"))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logged:\n%s", w.log)
		}
	})
	return w
}

// rotate replaces the token, like the kubelet.
func (w *world) rotate(token string) {
	w.t.Helper()
	if err := os.WriteFile(w.token+".new", []byte(token), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(w.token+".new", w.token); err != nil {
		w.t.Fatal(err)
	}
}

// put has the namespace have a slice of the service.
func (w *world) put(slice *discoveryv1.EndpointSlice) {
	w.t.Helper()
	w.api.put(w.t, w.namespace, headlessOf, slice)
}

// builder finds services as a pod does, which rest.InClusterConfig gives such a configuration. wrap may change requests.
func (w *world) builder(cfg Config, wrap func(http.RoundTripper) http.RoundTripper) *Builder {
	if cfg.CacheDir == "" {
		cfg.CacheDir = noCache
	}
	find, err := readPlaces(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	b := newBuilder(cfg, func() (Source, error) {
		slices, err := kubernetes.NewSlicesOf(&rest.Config{
			Host: "https://" + w.proxy.Addr(), BearerTokenFile: w.token,
			TLSClientConfig: rest.TLSClientConfig{CAFile: w.api.ca()}, WrapTransport: wrap,
		})
		if err != nil {
			return nil, err
		}
		return &slicesSource{slices: slices, find: find, zone: cfg.Zone}, nil
	})
	b.log = slog.New(slog.NewTextHandler(w.log, nil))
	return b
}

// look returns what gRPC is told of a service.
func (w *world) look(b *Builder, namespace, service string) *fakeConn {
	w.t.Helper()
	target, err := url.Parse(Target(namespace, service))
	if err != nil {
		w.t.Fatal(err)
	}
	conn := &fakeConn{}
	r, err := b.Build(resolver.Target{URL: *target}, conn, resolver.BuildOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(r.Close)
	return conn
}

func addrs(conn *fakeConn) []string {
	all := []string{}
	for _, e := range conn.get().state.Endpoints {
		all = append(all, e.Addresses[0].Addr)
	}
	return all
}

// awaitAddrs waits until gRPC knows exactly these.
func awaitAddrs(t *testing.T, limit time.Duration, conn *fakeConn, want ...string) {
	t.Helper()
	text := strings.Join(want, " ")
	eventually(t, limit, "known: "+text, func(context.Context) bool { return strings.Join(addrs(conn), " ") == text })
}

// awaitCount waits until gRPC knows as many.
func awaitCount(t *testing.T, limit time.Duration, conn *fakeConn, want int) {
	t.Helper()
	eventually(t, limit, fmt.Sprintf("%d known", want), func(context.Context) bool { return len(addrs(conn)) == want })
}

// pods are gRPC servers on loopback, which clients reach at addresses as pods have them: slices take no others.
type pods struct {
	t      *testing.T
	mu     sync.Mutex
	listen map[string]string // where a pod's address is on loopback
}

func newPods(t *testing.T) *pods {
	t.Helper()
	leftover.ExpectNone(t)
	return &pods{t: t, listen: map[string]string{}}
}

// run starts a pod, and returns what stops it.
func (p *pods) run(ip string, options ...grpc.ServerOption) (stop func()) {
	p.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }() // ends with Stop
	p.t.Cleanup(server.Stop)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listen[ip+":9090"] = listener.Addr().String()
	return func() {
		server.GracefulStop()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.listen, ip+":9090") // the port may soon be another's
	}
}

func (p *pods) connect(ctx context.Context, addr string) (net.Conn, error) {
	p.mu.Lock()
	at, ok := p.listen[addr]
	p.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("no route to %s", addr)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	return podConn{Conn: conn, pod: podAddr(addr)}, nil
}

// podConn is a connection to a pod, at the pod's address.
type podConn struct {
	net.Conn
	pod podAddr
}

func (c podConn) RemoteAddr() net.Addr { return c.pod }

type podAddr string

func (podAddr) Network() string  { return "tcp" }
func (a podAddr) String() string { return string(a) }

// dial returns a connection to a target that is spread over all pods.
func (p *pods) dial(target string, options ...grpc.DialOption) *grpc.ClientConn {
	p.t.Helper()
	slow := grpcbackoff.DefaultConfig
	slow.MaxDelay = 5 * time.Second // as pkg/client has it
	conn, err := grpc.NewClient(target, append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(p.connect),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: slow, MinConnectTimeout: 5 * time.Second}))...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call returns who answered.
func call(conn *grpc.ClientConn, timeout time.Duration, options ...grpc.CallOption) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var from peer.Peer
	options = append(options, grpc.Peer(&from))
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, options...); err != nil {
		return "", err
	}
	return from.Addr.String(), nil
}

// caller calls all the time.
type caller struct {
	t    *testing.T
	conn *grpc.ClientConn

	mu     sync.Mutex
	calls  int
	failed []error
	last   map[string]time.Time // when a pod answered a call that began then
}

// startCaller returns once the first call has succeeded.
func startCaller(t *testing.T, conn *grpc.ClientConn) *caller {
	t.Helper()
	c := &caller{t: t, conn: conn, last: map[string]time.Time{}}
	if _, err := call(c.conn, enough, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("first call: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			c.call()
			backoff.Wait(ctx, 10*time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return c
}

func (c *caller) call() {
	start := time.Now()
	from, err := call(c.conn, 5*time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if err != nil {
		c.failed = append(c.failed, err)
		return
	}
	c.last[from] = start
}

// expectNoFailure fails the test unless all calls have succeeded.
func (c *caller) expectNoFailure() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.Logf("%d of %d calls failed", len(c.failed), c.calls)
	if len(c.failed) > 0 {
		c.t.Errorf("%d of %d calls failed, first: %v", len(c.failed), c.calls, c.failed[0])
	}
}

// awaitAnswer waits until a pod answers calls that begin from now on.
func (c *caller) awaitAnswer(limit time.Duration, ip string) {
	c.t.Helper()
	start := time.Now()
	eventually(c.t, limit, ip+" is called", func(context.Context) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.last[ip+":9090"].After(start)
	})
}

// log keeps what is written.
type log struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// eventually waits until something holds, and logs how long that took. It fails the test after the limit.
func eventually(t *testing.T, limit time.Duration, what string, holds func(ctx context.Context) bool) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for !holds(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("%s: not within %v", what, limit)
		}
		backoff.Wait(ctx, 10*time.Millisecond)
	}
	t.Logf("%s: after %v (limit %v)", what, time.Since(start).Round(time.Millisecond), limit)
}

// during lets a while pass, which is the fault's own time.
func during(t *testing.T, d time.Duration) {
	t.Helper()
	backoff.Wait(t.Context(), d)
}
