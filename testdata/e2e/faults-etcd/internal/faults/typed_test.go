package faults_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	catalog "github.com/acme/shop/gen/shop/catalog/v1"
	finance "github.com/acme/shop/gen/shop/finance/v1"
	fulfilment "github.com/acme/shop/gen/shop/fulfilment/v1"
	"github.com/acme/shop/pkg/client"
	"github.com/acme/shop/pkg/client/shop/catalog/v1/catalogclient"
	"github.com/acme/shop/pkg/client/shop/finance/v1/paymentclient"
	"github.com/acme/shop/pkg/client/shop/fulfilment/v1/emailclient"
	"github.com/acme/shop/pkg/client/shop/fulfilment/v1/shippingclient"
)

// sick is a server of all methods, of which it counts the calls, and fails as many as it is told. It says that it is well.
type sick struct {
	config client.Config // that finds it
	calls  atomic.Int64
	fails  atomic.Int64
	limit  atomic.Int64 // how long the last call may take
}

func startSick(t *testing.T, fails int64) *sick {
	t.Helper()
	s := &sick{}
	s.fails.Store(fails)
	listener := listen(t)
	s.config.Targets = map[string]string{}
	for _, service := range []string{catalogclient.Service, paymentclient.Service, emailclient.Service, shippingclient.Service} {
		s.config.Targets[service] = listener.Addr().String()
	}
	rpc := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error { return s.answer(stream) }))
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	return s
}

func (s *sick) answer(stream grpc.ServerStream) error {
	s.calls.Add(1)
	if deadline, ok := stream.Context().Deadline(); ok {
		s.limit.Store(int64(time.Until(deadline)))
	}
	if s.fails.Add(-1) >= 0 {
		return status.Error(codes.Unavailable, "sick")
	}
	var request emptypb.Empty
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	return stream.SendMsg(&emptypb.Empty{})
}

// dialTyped connects a client as its service's package does.
func dialTyped[C any](t *testing.T, s *sick, dial func(client.Config, ...grpc.DialOption) (C, *grpc.ClientConn, error)) C {
	t.Helper()
	typed, conn, err := dial(s.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return typed
}

// TestTypedClients has each do what the contract and svc.yaml say of its methods.
func TestTypedClients(t *testing.T) {
	t.Parallel()
	t.Run("safe to repeat", func(t *testing.T) {
		t.Parallel()
		s := startSick(t, 2)
		if _, err := dialTyped(t, s, catalogclient.Dial).GetProduct(t.Context(), &catalog.GetProductRequest{}); err != nil || s.calls.Load() != 3 {
			t.Errorf("%v after %d calls", err, s.calls.Load())
		}
	})
	t.Run("not safe, and slow", func(t *testing.T) {
		t.Parallel()
		s := startSick(t, 1)
		payment := dialTyped(t, s, paymentclient.Dial)
		if _, err := payment.Charge(t.Context(), &finance.ChargeRequest{}); status.Code(err) != codes.Unavailable || s.calls.Load() != 1 {
			t.Errorf("%v after %d calls", err, s.calls.Load())
		}
		s.expectLimit(t, 10*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := payment.Charge(ctx, &finance.ChargeRequest{}); err != nil {
			t.Error(err)
		}
		s.expectLimit(t, 3*time.Second) // the caller's, for it is shorter
	})
	t.Run("a service's timeout", func(t *testing.T) {
		t.Parallel()
		s := startSick(t, 0)
		if _, err := dialTyped(t, s, shippingclient.Dial).GetQuote(t.Context(), &fulfilment.GetQuoteRequest{}); err != nil {
			t.Error(err)
		}
		s.expectLimit(t, 2500*time.Millisecond)
	})
}

// expectLimit wants the last call to have come with such a deadline.
func (s *sick) expectLimit(t *testing.T, want time.Duration) {
	t.Helper()
	if got := time.Duration(s.limit.Load()); got > want || got < want-2*time.Second {
		t.Errorf("a call may take %v, want %v", got, want)
	}
}

// TestTypedClientWaits has a server start after the call, which waits for it.
func TestTypedClientWaits(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.stop()
	email, conn, err := emailclient.Dial(client.Config{Targets: map[string]string{emailclient.Service: s.addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	answer := make(chan error, 1)
	go func() {
		_, err := email.SendOrderConfirmation(t.Context(), &fulfilment.SendOrderConfirmationRequest{})
		answer <- err
	}()
	during(t, 300*time.Millisecond, func(context.Context) {})
	serveAt(t, s.addr)
	if err := <-answer; status.Code(err) != codes.Unimplemented { // which is an answer
		t.Error(err)
	}
}

// TestRetriesEnd has a service fail for long: gRPC's throttling leaves it alone with more of the same.
func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	const calls = 60
	s := startSick(t, 1<<40)
	products := dialTyped(t, s, catalogclient.Dial)
	done := make(chan struct{})
	for range calls { // all at once, because of the pauses
		go func() {
			_, _ = products.GetProduct(t.Context(), &catalog.GetProductRequest{})
			done <- struct{}{}
		}()
	}
	for range calls {
		<-done
	}
	first := s.calls.Load()
	for range calls {
		_, _ = products.GetProduct(t.Context(), &catalog.GetProductRequest{})
	}
	if later := s.calls.Load() - first; first <= calls || later != calls {
		t.Errorf("%d calls came as %d, and then as %d", calls, first, later)
	}
}
