package registry

import (
	"net"
	"testing"
)

func TestAdvertise(t *testing.T) {
	tests := map[string]struct {
		configured, listener, podIP, want string
	}{
		"the address listened on":  {listener: "192.0.2.1:9090", want: "192.0.2.1:9090"},
		"loopback, when asked for": {listener: "[::1]:9090", want: "[::1]:9090"},
		"pod of a wildcard":        {listener: "[::]:9090", podIP: "10.1.2.3", want: "10.1.2.3:9090"},
		"pod with IPv6":            {listener: "0.0.0.0:9090", podIP: "fd00::1", want: "[fd00::1]:9090"},
		"configured host":          {configured: "shop.example", listener: "[::]:9090", want: "shop.example:9090"},
		"configured host and port": {configured: "shop.example:80", listener: "[::]:9090", want: "shop.example:80"},
		"configured IPv6":          {configured: "fd00::1", listener: "[::]:9090", want: "[fd00::1]:9090"},
		"configured IPv6 and port": {configured: "[fd00::1]:80", listener: "[::]:9090", want: "[fd00::1]:80"},
		"configured before the pod": {
			configured: "shop.example", listener: "[::]:9090", podIP: "10.1.2.3", want: "shop.example:9090",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_IP", test.podIP)
			listener, err := net.ResolveTCPAddr("tcp", test.listener)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Advertise(test.configured, listener)
			if err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestReachable(t *testing.T) {
	loopback := &net.IPNet{IP: net.ParseIP("127.0.0.1")}
	local := &net.IPNet{IP: net.ParseIP("fe80::1")}
	v6 := &net.IPNet{IP: net.ParseIP("fd00::1")}
	v4 := &net.IPNet{IP: net.ParseIP("10.0.0.1")}
	tests := map[string]struct {
		addrs []net.Addr
		want  string
	}{
		"IPv4 before IPv6": {[]net.Addr{loopback, local, v6, v4}, "10.0.0.1"},
		"IPv6 alone":       {[]net.Addr{loopback, local, v6}, "fd00::1"},
		"nothing else":     {[]net.Addr{loopback, local}, "127.0.0.1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := reachable(test.addrs); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
