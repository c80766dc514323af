package discovery

import (
	"testing"
)

func TestStatic(t *testing.T) {
	endpoints := []string{
		"a.v1.A=10.0.0.1:9090", "b.v1.B=[::1]:9090", "a.v1.A=host:9090?zone=b&weight=3", "a.v1.A=10.0.0.1:9090?zone=other",
	}
	for _, name := range []string{"default/a.v1.A", "team a/prod/a.v1.A"} {
		b, err := Open(Config{Endpoints: endpoints})
		if err != nil {
			t.Fatal(err)
		}
		resolve(t, name, b.open, b.cache, func(t *testing.T, conn *fakeConn) {
			expect(t, conn, "10.0.0.1:9090", "host:9090")
			for i, want := range []Metadata{{}, {"zone": "b", "weight": "3"}} {
				if got := MetadataOf(conn.get().state.Endpoints[i]); !want.Equal(got) {
					t.Errorf("metadata of %d: got %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestStaticSaysThatThereIsNoInstance(t *testing.T) {
	b, err := Open(Config{Endpoints: []string{"a.v1.A=10.0.0.1:9090"}})
	if err != nil {
		t.Fatal(err)
	}
	resolve(t, "default/a.v1.A-b", b.open, b.cache, func(t *testing.T, conn *fakeConn) {
		if got := conn.get(); got.err == nil || got.updates > 0 {
			t.Errorf("got %v, %d updates", got.err, got.updates)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	for _, endpoint := range []string{"", "10.0.0.1:9090", "=10.0.0.1:9090", "a.v1.A=", "a.v1.A=host", "a.v1.A=host:1?zone=%"} {
		if _, err := Open(Config{Endpoints: []string{endpoint}}); err == nil {
			t.Errorf("%q is taken", endpoint)
		}
	}
}
