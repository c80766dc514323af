package e2e_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/dynamicpb"
)

// testEndWhileStarting is scenario 29: the signal comes while the app starts, or while its registration is under way. It
// ends at once, and what it has sent, which may arrive after its end, leaves no entry for longer than a lease lasts.
func testEndWhileStarting(t *testing.T, bin string) {
	const slow = 300 * time.Millisecond // each way
	tests := map[string]struct {
		latency time.Duration
		mute    bool
		until   func(*testing.T, *shop, *network)
	}{
		"etcd is mute": {0, true, func(_ *testing.T, _ *shop, n *network) { <-n.sent }},
		"etcd has made a lease": {slow, false, func(t *testing.T, s *shop, _ *network) {
			soon(t, patience, "lease", func() bool { return leases(t, s.etcd) == 1 })
		}},
		"etcd has its entries": {slow, false, func(t *testing.T, s *shop, _ *network) { s.awaitListed(t, 2) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shop{etcd: startEtcd(t)}
			n := startNetwork(t, s.registry(), test.latency)
			if !test.mute {
				n.heal()
			}
			p := startFinance(t, bin, n.addr())
			test.until(t, s, n)
			if code := p.terminate(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			took := p.ended.Sub(p.asked)
			if t.Logf("ended after %v", took); took > 2*time.Second {
				t.Errorf("want it to end within 2 s")
			}
			if test.mute {
				n.heal()
			}
			n.deliver()
			s.expectNothingLeft(t)
		})
	}
	t.Run("any time", func(t *testing.T) {
		t.Parallel()
		s, early, served := &shop{etcd: startEtcd(t)}, 0, 0
		for wait := range 10 {
			p := startFinance(t, bin, s.registry())
			<-time.After(time.Duration(wait) * 5 * time.Millisecond) // from before its own first line of code to after it serves
			code := p.terminate(t)
			served += p.log.count(line{"msg": "serving"})
			if p.killed() {
				early++
			} else if code != 0 {
				t.Errorf("exit code %d", code)
			}
		}
		t.Logf("of 10, %d ended before they took care of signals, %d had come to serve", early, served)
		s.expectNothingLeft(t)
	})
}

// testInFlight is scenarios 28 and 32: an app that is told nothing else finishes a call of 20 s, then ends a stream that
// has no end, and is gone before Kubernetes and Compose lose their patience.
func testInFlight(t *testing.T, bin string) {
	const method, takes, limit = "shop.finance.v1.Payment/Charge", "20s", 25 * time.Second
	s := &shop{etcd: startEtcd(t)}
	p := startFinance(t, bin, s.registry())
	s.awaitListed(t, 2)
	addr, _ := p.serving(t)
	app := dial(t, addr)
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	charge := app.method(t, method)
	slow := app.begin(metadata.AppendToOutgoingContext(ctx, "x-bank-takes", takes), t, &grpc.StreamDesc{}, method, dynamicpb.NewMessage(charge.Input()))
	endless := app.begin(ctx, t, &reflectionpb.ServerReflection_ServiceDesc.Streams[0], reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName[1:],
		&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})

	p.signal(t)
	if err := slow.RecvMsg(dynamicpb.NewMessage(charge.Output())); err != nil {
		t.Errorf("a call in flight: %v", err)
	}
	var err error
	for err == nil {
		err = endless.RecvMsg(&reflectionpb.ServerReflectionResponse{})
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("a stream without an end: got %v", err)
	}
	<-p.done // if it doesn't, the test ends with its last stack
	if took := p.ended.Sub(p.asked); took > limit {
		t.Errorf("ended after %v, want %v at most", took, limit)
	} else {
		t.Logf("ended after %v (limit %v)", took, limit)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.expectNothingLeft(t)
}

// begin begins a call with one request, and returns when the app has said that it is at work.
func (f foreign) begin(ctx context.Context, t *testing.T, desc *grpc.StreamDesc, method string, request any) grpc.ClientStream {
	t.Helper()
	stream, err := f.NewStream(ctx, desc, "/"+method)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(request); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	return stream
}

// expectNothingLeft waits until etcd has forgotten all apps, for no longer than their leases last.
func (s *shop) expectNothingLeft(t *testing.T) {
	t.Helper()
	soon(t, faultTTL+2*time.Second, "nothing is left", func() bool { return len(s.listed(t)) == 0 && leases(t, s.etcd) == 0 })
}

// killed reports whether the signal itself has ended the app: what signals do to a process that has yet to say otherwise.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGTERM
}

// testSecondSignal is scenario 30: it ends within 100 ms. The best of three counts: the machine may have other things to do.
func testSecondSignal(t *testing.T, bin string) {
	const limit = 100 * time.Millisecond
	took := time.Hour
	for tries := 0; took > limit && tries < 3; tries++ {
		took = endBySecondSignal(t, bin)
	}
	if t.Logf("ended after %v", took); took > limit {
		t.Errorf("want it to end within %v", limit)
	}
}

// endBySecondSignal returns how long an app takes to end that is ending already, but not at once.
func endBySecondSignal(t *testing.T, bin string) time.Duration {
	t.Helper()
	p := startFinance(t, bin, freeAddr(t), "--set", "shutdown.drain=1m")
	p.serving(t)
	p.signal(t)
	p.log.await(t, line{"msg": "shutting down"})
	begin := time.Now()
	soon(t, patience, "ended by another signal", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // again and again: one that comes in the same moment is one with the first
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
	return p.ended.Sub(begin)
}
