package balancing

import (
	"math"
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/acme/shop/internal/platform/discovery"
)

func version1(t *testing.T) *instance { return start(t, discovery.Metadata{"version": "1"}) }
func version2(t *testing.T) *instance { return start(t, discovery.Metadata{"version": "2"}) }

func TestVersionsGetTheirCalls(t *testing.T) {
	for _, name := range policies {
		t.Run(name, func(t *testing.T) {
			old, canary := version1(t), version2(t)
			client, _ := dial(t, ByVersion("2", policy(t, name)), old, canary)
			wanting := WithVersion(t.Context(), "2")
			until(wanting, t, client, func() bool { return canary.calls.Load() > 0 })
			until(t.Context(), t, client, func() bool { return old.calls.Load() > 0 })
			old.calls.Store(0)
			canary.calls.Store(0)
			for range 20 {
				call(t.Context(), t, client)
				call(wanting, t, client)
				call(WithVersion(t.Context(), "3"), t, client)
			}
			if got := canary.calls.Load(); got != 20 {
				t.Errorf("version 2 got %d of 20 calls that want it", got)
			}
			if got := old.calls.Load(); got != 40 {
				t.Errorf("version 1 got %d of 40 calls that don't", got)
			}
		})
	}
}

func TestNoVersionStrandsACall(t *testing.T) {
	for _, name := range policies {
		t.Run(name, func(t *testing.T) {
			old, canary := version1(t), version2(t)
			client, found := dial(t, ByVersion("2", policy(t, name)), old, canary)
			wanting := WithVersion(t.Context(), "2")
			until(wanting, t, client, func() bool { return canary.calls.Load() > 0 })
			until(t.Context(), t, client, func() bool { return old.calls.Load() > 0 })
			if name != PickFirst { // which asks nobody whether he is well
				expectSickStrandsNoCall(t, client, old, canary)
			}

			found.UpdateState(endpoints(canary)) // the last of the old ones goes
			for range 20 {
				call(t.Context(), t, client)
			}
			newer := start(t, discovery.Metadata{"version": "3"})
			found.UpdateState(endpoints(newer)) // all are replaced
			until(wanting, t, client, func() bool { return newer.calls.Load() > 0 })
		})
	}
}

// TestNewNameForAVersion has instances that are called say of themselves that they are another version, as those of
// Kubernetes do while a release is upgraded: they keep their calls, of which the canary gets none meanwhile.
func TestNewNameForAVersion(t *testing.T) {
	for _, name := range policies {
		t.Run(name, func(t *testing.T) {
			old, canary := version1(t), version2(t)
			client, found := dial(t, ByVersion("2", policy(t, name)), old, canary)
			until(WithVersion(t.Context(), "2"), t, client, func() bool { return canary.calls.Load() > 0 })
			until(t.Context(), t, client, func() bool { return old.calls.Load() > 0 })
			canary.calls.Store(0)
			old.Metadata = discovery.Metadata{"version": "3"}
			found.UpdateState(endpoints(old, canary))
			for range 20 {
				call(t.Context(), t, client)
				call(WithVersion(t.Context(), "3"), t, client)
			}
			if got := canary.calls.Load(); got > 0 {
				t.Errorf("the canary got %d of 40 calls that don't want it", got)
			}
		})
	}
}

// expectSickStrandsNoCall has first the canary, then the old one not be well. The latter stays so.
func expectSickStrandsNoCall(t *testing.T, client healthpb.HealthClient, old, canary *instance) {
	t.Helper()
	wanting := WithVersion(t.Context(), "2")
	canary.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	old.calls.Store(0)
	until(wanting, t, client, func() bool { return old.calls.Load() > 0 })

	canary.calls.Store(0)
	canary.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	until(wanting, t, client, func() bool { return canary.calls.Load() > 0 })
	old.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	canary.calls.Store(0)
	until(t.Context(), t, client, func() bool { return canary.calls.Load() > 0 })
}

func TestVersionsSpreadTheRest(t *testing.T) {
	a, b, c := version1(t), version1(t), start(t, nil)
	client, _ := dial(t, ByVersion("2", policy(t, RoundRobin)), a, b, c)
	until(t.Context(), t, client, func() bool { return a.calls.Load() > 0 && b.calls.Load() > 0 && c.calls.Load() > 0 })
	a.calls.Store(0)
	b.calls.Store(0)
	c.calls.Store(0)
	for range 600 {
		call(t.Context(), t, client)
	}
	for i, instance := range []*instance{a, b, c} {
		if got := instance.calls.Load(); got < 130 || got > 270 {
			t.Errorf("instance %d got %d of 600 calls", i, got)
		}
	}
}

// expectShare fails the test unless an instance gets about that share of 400 calls.
func expectShare(t *testing.T, client healthpb.HealthClient, i *instance, share float64) {
	t.Helper()
	i.calls.Store(0)
	for range 400 {
		call(t.Context(), t, client)
	}
	if got := float64(i.calls.Load()) / 400; math.Abs(got-share) > 0.125 { // five standard deviations
		t.Errorf("got %v of the calls, want %v", got, share)
	}
}

func TestVersionsGetCallsForInstancesThatAreReady(t *testing.T) {
	for _, name := range []string{RoundRobin, Weighted, LeastRequest, ConsistentHash + ":x-user-id"} {
		t.Run(name, func(t *testing.T) {
			a, b := version1(t), start(t, discovery.Metadata{"version": "3"})
			instances := []*instance{a, b}
			for range 9 {
				sick := version1(t)
				sick.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
				instances = append(instances, sick)
			}
			client, _ := dial(t, ByVersion("2", policy(t, name)), instances...)
			until(t.Context(), t, client, func() bool { return a.calls.Load() > 0 && b.calls.Load() > 0 })
			expectShare(t, client, a, 0.5)
		})
	}
}

func TestVersionsGetCallsByWeight(t *testing.T) {
	heavy, light := start(t, discovery.Metadata{"version": "1", "weight": "3"}), start(t, discovery.Metadata{"version": "3"})
	idle := start(t, discovery.Metadata{"version": "4", "weight": "0"})
	client, found := dial(t, ByVersion("2", policy(t, Weighted)), heavy, light, idle)
	until(t.Context(), t, client, func() bool { return heavy.calls.Load() > 0 && light.calls.Load() > 0 })
	expectShare(t, client, heavy, 0.75)
	expectShare(t, client, idle, 0)
	found.UpdateState(endpoints(idle))
	call(t.Context(), t, client)
}

func TestVersionsGetCallsForInstancesThatOthersCall(t *testing.T) {
	for _, name := range []string{RoundRobin, Weighted} {
		t.Run(name, func(t *testing.T) {
			balancer, err := Config(name, 1)
			if err != nil {
				t.Fatal(err)
			}
			one := start(t, discovery.Metadata{"version": "3"})
			three := []*instance{version1(t), version1(t), version1(t)}
			client, _ := dial(t, ByVersion("2", balancer), append(three, one)...)
			until(t.Context(), t, client, func() bool { return one.calls.Load() > 0 && called(three) == 1 })
			expectShare(t, client, one, 0.25)
		})
	}
}
