package discovery

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"example.com/quay/internal/leftover"
)

const (
	enough = 20 * time.Second        // for what is not measured
	soon   = 3 * time.Second         // for a change to be told of, where nothing is wrong
	atOnce = 2500 * time.Millisecond // for a call that waits for nobody: requests to the API have 3 s
	root   = "root-token"            // of the tests
)

// object is one of the API's.
type object map[string]any

// apiserver is a Kubernetes of an API server and an etcd, and nothing else: it has the objects that tests put there.
type apiserver struct {
	t    *testing.T
	addr string
	dir  string
	args []string
	http *http.Client

	cmd   *exec.Cmd
	pid   int
	stdin io.Closer // it ends with it, so that none outlives the test
}

func startAPI(t *testing.T) *apiserver {
	t.Helper()
	a := &apiserver{t: t, addr: free(t), dir: t.TempDir()}
	_, port, _ := net.SplitHostPort(a.addr)
	a.write("tokens.csv", root+",root,1,system:masters\n")
	a.write("sa.key", privateKey(t))
	a.args = []string{
		"--etcd-servers=" + startEtcd(t, a.dir), "--bind-address=127.0.0.1", "--secure-port=" + port, "--cert-dir=" + a.dir,
		"--advertise-address=10.255.0.1", "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC", "--token-auth-file=" + filepath.Join(a.dir, "tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + filepath.Join(a.dir, "sa.key"),
		"--service-account-signing-key-file=" + filepath.Join(a.dir, "sa.key"),
	}
	t.Cleanup(a.kill)
	a.start(t)
	return a
}

// Ports are given one after the other, from a first one on, lest one be given twice before somebody listens on it.
var (
	firstPort = mathrand.Int64N(18000)
	given     atomic.Int64
)

// free returns an address that nobody listens on. It is below those that the system gives to connections, of which there
// are many: a server that is started anew has the address that it had before.
func free(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12000+(firstPort+given.Add(1))%18000)
		if listener, err := net.Listen("tcp", addr); err == nil {
			_ = listener.Close()
			return addr
		}
	}
	t.Fatal("no address is free")
	return ""
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// startEtcd starts the etcd that E2E_ETCD is, and returns its URL.
func startEtcd(t *testing.T, dir string) string {
	t.Helper()
	client, peer := "http://"+free(t), "http://"+free(t)
	config, err := json.Marshal(object{
		"name": "a", "data-dir": filepath.Join(dir, "etcd"), "initial-cluster": "a=" + peer,
		"listen-client-urls": client, "advertise-client-urls": client,
		"listen-peer-urls": peer, "initial-advertise-peer-urls": peer,
		"unsafe-no-fsync": true, "log-level": "panic",
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "etcd.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Getenv("E2E_ETCD"))
	cmd.Env = append(os.Environ(), "E2E_ETCD_CONFIG="+file)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // etcd ends with it
		_ = cmd.Wait()
	})
	return client
}

func (a *apiserver) write(name, content string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(content), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// start returns when the server is ready.
func (a *apiserver) start(t *testing.T) {
	t.Helper()
	args := append([]string{"-c", `"$@" 2>>"$0" & echo $!; read -r end; kill -9 $!; wait`, filepath.Join(a.dir, "log"), os.Getenv("SVC_KUBE_APISERVER")}, a.args...)
	a.cmd = exec.Command("sh", args...)
	var err error
	if a.stdin, err = a.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(line, &a.pid); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, "the API server is ready", func(ctx context.Context) bool { return a.connect() && a.ready(ctx) })
}

// connect reports whether the server has made its certificate, which is then the one that it is checked against.
func (a *apiserver) connect() bool {
	if a.http != nil {
		return true
	}
	content, err := os.ReadFile(a.ca())
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(content) {
		return false
	}
	a.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	return true
}

func (a *apiserver) ready(ctx context.Context) bool {
	status, _ := a.try(ctx, http.MethodGet, "/readyz", nil)
	return status == http.StatusOK
}

func (a *apiserver) ca() string { return filepath.Join(a.dir, "apiserver.crt") }

func (a *apiserver) kill() {
	if a.stdin == nil {
		return
	}
	_ = a.stdin.Close()
	_ = a.cmd.Wait()
	a.stdin = nil
	a.http.CloseIdleConnections()
	if log, err := os.ReadFile(filepath.Join(a.dir, "log")); err == nil && a.t.Failed() {
		a.t.Logf("the API server logged:\n%s", log[max(0, len(log)-4000):])
	}
}

// signal stops the server, or has it go on.
func (a *apiserver) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(a.pid, s); err != nil {
		t.Fatal(err)
	}
}

// try returns the answer to a request, which has status 0 when there is none.
func (a *apiserver) try(ctx context.Context, method, path string, body any) (int, []byte) {
	content, err := json.Marshal(body)
	if err != nil {
		a.t.Error(err)
		return 0, nil
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+a.addr+path, bytes.NewReader(content))
	if err != nil {
		a.t.Error(err)
		return 0, nil
	}
	request.Header.Set("Authorization", "Bearer "+root)
	request.Header.Set("Content-Type", "application/json")
	var response *http.Response
	leftover.Apart(func() { response, err = a.http.Do(request) }) // its connection is everybody's
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return response.StatusCode, answer
}

// do is a request that has to succeed.
func (a *apiserver) do(t *testing.T, method, path string, body any) []byte {
	t.Helper()
	status, answer := a.try(t.Context(), method, path, body)
	if status/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// placeOf returns where the API has the slices of a namespace.
func placeOf(namespace string) string {
	return "/apis/discovery.k8s.io/v1/namespaces/" + namespace + "/endpointslices"
}

// put has the namespace have a slice of a Service, whatever it was like before.
func (a *apiserver) put(t *testing.T, namespace, service string, slice *discoveryv1.EndpointSlice) {
	t.Helper()
	slice.Namespace = namespace
	if slice.Labels == nil {
		slice.Labels = map[string]string{}
	}
	slice.Labels[discoveryv1.LabelServiceName] = service
	status, _ := a.try(t.Context(), http.MethodPut, placeOf(namespace)+"/"+slice.Name, slice)
	switch status {
	case http.StatusOK:
	case http.StatusNotFound:
		a.do(t, http.MethodPost, placeOf(namespace), slice)
	default:
		t.Fatalf("slice %s: %d", slice.Name, status)
	}
}

// account makes a service account that may read slices if it has the role, and returns a token of it that is good for as
// long as the Secret of the token's name.
func (a *apiserver) account(t *testing.T, namespace, account, secret string) string {
	t.Helper()
	core := "/api/v1/namespaces/" + namespace
	if status, answer := a.try(t.Context(), http.MethodPost, core+"/serviceaccounts", object{"metadata": object{"name": account}}); status != http.StatusCreated && status != http.StatusConflict {
		t.Fatalf("service account: %d %s", status, answer)
	}
	a.do(t, http.MethodPost, core+"/secrets", object{"metadata": object{"name": secret}})
	answer := a.do(t, http.MethodPost, core+"/serviceaccounts/"+account+"/token", object{
		"spec": object{"expirationSeconds": 3600, "boundObjectRef": object{"apiVersion": "v1", "kind": "Secret", "name": secret}},
	})
	var request struct{ Status struct{ Token string } }
	if err := json.Unmarshal(answer, &request); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(request.Status.Token)
}

// allow gives a service account the role that the chart gives.
func (a *apiserver) allow(t *testing.T, namespace, account string) {
	t.Helper()
	rbac := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + namespace
	a.do(t, http.MethodPost, rbac+"/roles", object{
		"metadata": object{"name": account},
		"rules":    []object{{"apiGroups": []string{"discovery.k8s.io"}, "resources": []string{"endpointslices"}, "verbs": []string{"list", "watch"}}},
	})
	a.do(t, http.MethodPost, rbac+"/rolebindings", object{
		"metadata": object{"name": account},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
		"subjects": []object{{"kind": "ServiceAccount", "name": account, "namespace": namespace}},
	})
}

// expectWatches waits until somebody watches the slices of a namespace, or nobody does: who did has to have ended. The
// server's own watches are of all namespaces.
func (a *apiserver) expectWatches(t *testing.T, want bool) {
	t.Helper()
	eventually(t, enough, fmt.Sprintf("slices are watched: %v", want), func(ctx context.Context) bool {
		status, metrics := a.try(ctx, http.MethodGet, "/metrics", nil)
		watched := false
		for line := range strings.Lines(string(metrics)) {
			if strings.HasPrefix(line, "apiserver_longrunning_requests{") && strings.Contains(line, `resource="endpointslices",scope="namespace"`) && !strings.HasSuffix(line, " 0\n") {
				watched = true
			}
		}
		return status == http.StatusOK && watched == want
	})
}
