package mdns

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// networks are where answers may come from. A datagram from anywhere else, which a router let through, is not one: so
// RFC 6762, section 11.
type networks []netip.Prefix

func (n networks) have(sender netip.Addr) bool {
	return slices.ContainsFunc(n, func(network netip.Prefix) bool { return network.Contains(sender.Unmap()) })
}

// networksOf returns those that an interface is on. What goes over loopback comes from any address of the machine's own.
func networksOf(card *net.Interface) (networks, error) {
	loopback := card.Flags&net.FlagLoopback != 0
	list := card.Addrs
	if loopback {
		list = net.InterfaceAddrs
	}
	addrs, err := list()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	var found networks
	for _, addr := range addrs {
		network, err := netip.ParsePrefix(addr.String())
		if err != nil {
			continue // of another kind than IP
		}
		if loopback {
			network = netip.PrefixFrom(network.Addr(), network.Addr().BitLen())
		}
		found = append(found, network)
	}
	return found, nil
}

// lookup returns an interface, or says which ones there are.
func lookup(name string) (*net.Interface, error) {
	card, err := net.InterfaceByName(name)
	if err == nil {
		return card, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, other := range all {
		names = append(names, other.Name)
	}
	return nil, fmt.Errorf("there is no network interface %s, only %s", name, strings.Join(names, ", "))
}
