package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// firstCall measures the way from an empty folder to the first answered call beside go build of the same project,
// with a build cache that is empty and with one that has built such a project before.
func (b bed) firstCall(ctx context.Context, rounds int) error {
	cache := filepath.Join(b.dir, "gocache")
	for _, cold := range []bool{false, true} {
		var build, tidy, call series
		n := rounds
		if !cold {
			n++
		}
		for round := range n {
			root := filepath.Join(b.dir, fmt.Sprintf("first-%t-%d", cold, round))
			costs, err := b.firstRound(ctx, root, cache, cold)
			if err != nil {
				return err
			}
			if round == 0 && !cold {
				continue // it filled the cache
			}
			build, tidy, call = append(build, costs[0]), append(tidy, costs[1]), append(call, costs[2])
		}
		fmt.Printf("\nfirst call, build cache %s, %d rounds\n\n| | median | least | of go build | limit | memory |\n| --- | --- | --- | --- | --- | --- |\n",
			map[bool]string{false: "warm", true: "empty"}[cold], rounds)
		row("go build ./... of the project", build, build, 0)
		row("svc new", tidy, build, 0)
		row("svc new and go run, to the first answered call", call, build, 2)
	}
	return nil
}

// firstRound measures go build in one project, svc new of another, and that with go run up to an answered call.
func (b bed) firstRound(ctx context.Context, root, cache string, cold bool) ([3]cost, error) {
	var costs [3]cost
	env := append(os.Environ(), "GOCACHE="+cache)
	command := func(dir, name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Env = dir, env
		return cmd
	}
	clean := func() error {
		if !cold {
			return nil
		}
		return os.RemoveAll(cache)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return costs, err
	}
	err := combined(command(root, b.svc, "new", "built", "-y"))
	if err == nil {
		err = clean()
	}
	if err == nil {
		costs[0], err = measure(command(filepath.Join(root, "built"), "go", "build", "./..."), false)
	}
	if err == nil {
		err = clean()
	}
	if err == nil {
		costs[1], err = measure(command(root, b.svc, "new", "hello", "-y"), false)
	}
	if err != nil {
		return costs, err
	}
	start := time.Now()
	err = answered(command(filepath.Join(root, "hello"), "go", "run", "./cmd/hello"))
	costs[2].wall = costs[1].wall + time.Since(start)
	return costs, err
}

// answered starts a service and returns when it has answered a call.
func answered(cmd *exec.Cmd) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	cmd.Env = append(cmd.Env, "HELLO_SERVER_GRPC_ADDR="+addr, "HELLO_SERVER_ADMIN_ADDR=127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run and what it runs end together
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if healthy(ctx, addr) == nil {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("no answer from %s:\n%s", addr, out.Bytes())
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// healthy calls grpc.health.v1.Health/Check by hand: a message of no bytes, and the answer's status in the trailer.
func healthy(ctx context.Context, addr string) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/grpc.health.v1.Health/Check", bytes.NewReader(make([]byte, 5)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if status := resp.Trailer.Get("Grpc-Status"); status != "0" {
		return fmt.Errorf("status %q", status)
	}
	return nil
}
