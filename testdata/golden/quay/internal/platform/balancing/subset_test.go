package balancing

import "testing"

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
