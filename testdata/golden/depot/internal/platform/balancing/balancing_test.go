package balancing

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"example.com/depot/internal/platform/discovery"
)

// instance is a server that counts its calls.
type instance struct {
	discovery.Instance
	calls  atomic.Int64
	health *health.Server
}

func start(t *testing.T, metadata discovery.Metadata) *instance {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{Instance: discovery.Instance{Addr: listener.Addr().String(), Metadata: metadata}, health: health.NewServer()}
	count := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		i.calls.Add(1)
		return next(ctx, req)
	}
	rpc := grpc.NewServer(grpc.UnaryInterceptor(count))
	healthpb.RegisterHealthServer(rpc, i.health)
	go func() { _ = rpc.Serve(listener) }() // ends with Stop
	t.Cleanup(rpc.Stop)
	return i
}

func endpoints(instances ...*instance) resolver.State {
	var state resolver.State
	for _, i := range instances {
		state.Endpoints = append(state.Endpoints, i.Endpoint())
	}
	return state
}

// dial connects to instances, which the returned resolver may change, with a balancer.
func dial(t *testing.T, balancer map[string]any, instances ...*instance) (healthpb.HealthClient, *manual.Resolver) {
	t.Helper()
	config, err := json.Marshal(map[string]any{
		"loadBalancingConfig": []any{balancer},
		"healthCheckConfig":   map[string]any{"serviceName": ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	found := manual.NewBuilderWithScheme("test")
	found.InitialState(endpoints(instances...))
	conn, err := grpc.NewClient("test:///", grpc.WithResolvers(found), grpc.WithDefaultServiceConfig(string(config)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthpb.NewHealthClient(conn), found
}

func call(ctx context.Context, t *testing.T, client healthpb.HealthClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
}

// until calls as long as it takes for the balancer to have heard of what the test has changed.
func until(ctx context.Context, t *testing.T, client healthpb.HealthClient, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); call(ctx, t, client) {
		if time.Now().After(deadline) {
			t.Fatal("it doesn't happen")
		}
	}
}

func policy(t *testing.T, policy string) map[string]any {
	t.Helper()
	balancer, err := Config(policy, 0)
	if err != nil {
		t.Fatal(err)
	}
	return balancer
}

var policies = []string{RoundRobin, Weighted, LeastRequest, PickFirst, ConsistentHash + ":x-user-id"}

func TestEveryPolicyReachesAnInstance(t *testing.T) {
	for _, name := range policies {
		t.Run(name, func(t *testing.T) {
			client, _ := dial(t, policy(t, name), start(t, nil), start(t, nil))
			call(t.Context(), t, client)
		})
	}
}

func TestUnknownPolicy(t *testing.T) {
	for _, name := range []string{"fastest", ConsistentHash} {
		if _, err := Config(name, 0); err == nil || !strings.Contains(err.Error(), "must ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWeightedPicksByWeight(t *testing.T) {
	heavy, light, idle := start(t, discovery.Metadata{"weight": "3"}), start(t, nil), start(t, discovery.Metadata{"weight": "0"})
	client, _ := dial(t, policy(t, Weighted), heavy, light, idle)
	until(t.Context(), t, client, func() bool { return heavy.calls.Load() > 0 && light.calls.Load() > 0 })
	heavy.calls.Store(0)
	light.calls.Store(0)
	for range 1000 {
		call(t.Context(), t, client)
	}
	if got := heavy.calls.Load(); got < 650 || got > 850 {
		t.Errorf("got %d of 1000 calls to the instance of weight 3 beside one of weight 1", got)
	}
}

func TestWeightedNeedsNoWeight(t *testing.T) {
	idle := start(t, discovery.Metadata{"weight": "0"})
	client, _ := dial(t, policy(t, Weighted), idle)
	call(t.Context(), t, client)
}

func TestUnhealthyInstancesAreNotCalled(t *testing.T) {
	for _, name := range []string{RoundRobin, Weighted, LeastRequest, ConsistentHash + ":x-user-id"} {
		t.Run(name, func(t *testing.T) {
			sick, well := start(t, nil), start(t, nil)
			sick.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
			client, _ := dial(t, policy(t, name), sick, well)
			for range 50 {
				call(t.Context(), t, client)
			}
			if got := sick.calls.Load(); got > 0 {
				t.Errorf("the instance that is not serving got %d calls", got)
			}
			sick.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
			until(t.Context(), t, client, func() bool { return sick.calls.Load() > 0 })
		})
	}
}

func TestConsistentHashGoesByTheKey(t *testing.T) {
	a, b, c := start(t, nil), start(t, nil), start(t, nil)
	client, _ := dial(t, policy(t, ConsistentHash+":x-user-id"), a, b, c)
	until(t.Context(), t, client, func() bool { return a.calls.Load() > 0 && b.calls.Load() > 0 && c.calls.Load() > 0 })
	used := 0
	for _, user := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		ctx := WithHash(t.Context(), user)
		before := [3]int64{a.calls.Load(), b.calls.Load(), c.calls.Load()}
		for range 5 {
			call(ctx, t, client)
		}
		for i, instance := range []*instance{a, b, c} {
			switch got := instance.calls.Load() - before[i]; got {
			case 0:
			case 5:
				used |= 1 << i
			default:
				t.Errorf("user %s: got %d of 5 calls to instance %d", user, got, i)
			}
		}
	}
	if used == 1 || used == 2 || used == 4 {
		t.Error("all users went to the same instance")
	}
}

// called are the instances that have been called.
func called(instances []*instance) int {
	n := 0
	for _, i := range instances {
		if i.calls.Load() > 0 {
			n++
		}
	}
	return n
}

func TestSubsetIsAllThatIsCalled(t *testing.T) {
	for _, name := range []string{RoundRobin, Weighted, LeastRequest} {
		t.Run(name, func(t *testing.T) {
			balancer, err := Config(name, 2)
			if err != nil {
				t.Fatal(err)
			}
			instances := []*instance{version1(t), version1(t), version1(t), version1(t)}
			canary := version2(t)
			client, _ := dial(t, ByVersion("2", balancer), append(instances, canary)...)
			until(WithVersion(t.Context(), "2"), t, client, func() bool { return canary.calls.Load() > 0 })
			until(t.Context(), t, client, func() bool { return called(instances) == 2 })
			for range 50 {
				call(t.Context(), t, client)
			}
			if got := called(instances); got != 2 {
				t.Errorf("%d instances are called, want 2", got)
			}
		})
	}
}

func TestSubsetIsForThoseWhoSpread(t *testing.T) {
	for _, name := range []string{PickFirst, ConsistentHash + ":x-user-id"} {
		if got, err := Config(name, 2); err != nil || len(got) != 1 || got["random_subsetting_experimental"] != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if _, err := Config(RoundRobin, -1); err == nil {
		t.Error("a negative subset is none")
	}
}

func TestUnfit(t *testing.T) {
	for text, want := range map[string]bool{
		"grpc: error while marshaling: string field contains invalid UTF-8":        true,
		"trying to send message larger than max (5 vs. 4)":                         true,
		"grpc: received message larger than max (5 vs. 4)":                         true,
		"grpc: received message after decompression larger than max 4":             true,
		"grpc: failed to unmarshal the received message: unexpected EOF":           false,
		"the server is closing the transport: GOAWAY with code: ENHANCE_YOUR_CALM": false,
	} {
		if got := Unfit(status.Error(codes.ResourceExhausted, text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
