package e2e_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// member is one etcd of several, as a process of its own, to be killed and frozen.
type member struct {
	client string // address
	config string // file
	cmd    *exec.Cmd
	stdin  io.Closer // it ends with it, so that none outlives the test
}

// startMembers starts an etcd of n members, and returns a client of all of them.
func startMembers(t *testing.T, n int) ([]*member, *clientv3.Client) {
	t.Helper()
	var members []*member
	var peers, clients []string
	for range n {
		members = append(members, &member{client: freeAddr(t)})
		peers = append(peers, "http://"+freeAddr(t))
		clients = append(clients, members[len(members)-1].client)
	}
	var initial []string
	for i, m := range members {
		initial = append(initial, m.client+"="+peers[i])
	}
	for i, m := range members {
		m.configure(t, peers[i], strings.Join(initial, ","))
		m.start(t)
		t.Cleanup(m.kill)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: clients})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if _, err := client.Get(within(t), "up"); err != nil {
		t.Fatal(err)
	}
	return members, client
}

func (m *member) configure(t *testing.T, peer, initial string) {
	t.Helper()
	dir := t.TempDir()
	content, err := json.Marshal(map[string]any{
		"name": m.client, "data-dir": filepath.Join(dir, "data"), "initial-cluster": initial,
		"listen-client-urls": "http://" + m.client, "advertise-client-urls": "http://" + m.client,
		"listen-peer-urls": peer, "initial-advertise-peer-urls": peer,
		"unsafe-no-fsync": true, "log-level": "panic", "heartbeat-interval": 100, "election-timeout": 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	files{"etcd.json": string(content)}.write(t, dir)
	m.config = filepath.Join(dir, "etcd.json")
}

// start starts the member, or starts it again with what it had on its disk.
func (m *member) start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m.cmd = exec.Command(self)
	m.cmd.Env = append(os.Environ(), etcdConfig+"="+m.config)
	m.cmd.Stderr = os.Stderr
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

func (m *member) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	_ = m.stdin.Close()
}

func (m *member) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := m.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// leader returns the member that the others follow.
func leader(t *testing.T, members []*member, etcd *clientv3.Client) (leads *member) {
	t.Helper()
	soon(t, patience, "a leader", func() bool {
		for _, m := range members {
			if status, err := etcd.Status(within(t), m.client); err == nil && status.Leader == status.Header.MemberId {
				leads = m
			}
		}
		return leads != nil
	})
	return leads
}
