package registry

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Advertise returns the host:port that others reach the listener at. configured is a host or host:port, and wins. A
// listener on all addresses is reached at POD_IP, which charts set, or else at the machine's first address that is not
// a loopback.
func Advertise(configured string, listener net.Addr) (string, error) {
	host, port, err := net.SplitHostPort(listener.String())
	if err != nil {
		return "", fmt.Errorf("advertise %s: %w", listener, err)
	}
	if configured != "" {
		return advertised(configured, port), nil
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return net.JoinHostPort(host, port), nil
	}
	if ip := os.Getenv("POD_IP"); ip != "" {
		return net.JoinHostPort(ip, port), nil
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("find the machine's addresses: %w", err)
	}
	return net.JoinHostPort(reachable(addrs), port), nil
}

// advertised adds the listener's port to an address that has none: a name, 10.0.0.1, ::1 or [::1].
func advertised(configured, port string) string {
	if host, own, err := net.SplitHostPort(configured); err == nil {
		return net.JoinHostPort(host, own)
	}
	return net.JoinHostPort(strings.Trim(configured, "[]"), port)
}

// reachable returns the first address that other machines may know this one by: IPv4 before IPv6, and the loopback when
// there is no other.
func reachable(addrs []net.Addr) string {
	var global []net.IP
	for _, addr := range addrs {
		if network, ok := addr.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			global = append(global, network.IP)
		}
	}
	for _, ip := range global {
		if ip.To4() != nil {
			return ip.String()
		}
	}
	if len(global) > 0 {
		return global[0].String()
	}
	return "127.0.0.1"
}
