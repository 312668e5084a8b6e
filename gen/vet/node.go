package vet

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func addressDuplicate(v *view) []fault {
	var out []fault
	owner := map[netip.Addr]*nodeView{}
	for _, n := range v.nodes {
		for i, a := range n.Addresses {
			first, ok := owner[a]
			if !ok {
				owner[a] = n
				continue
			}
			if first == n {
				continue // listed twice
			}
			out = append(out, fault{
				field: addressField(n, i), also: []string{finding.Path("nodes", first.Name, "address")},
				message:  fmt.Sprintf("nodes %s and %s have one address, %s", first.Name, n.Name, a),
				expected: "an address of its own for every node",
			})
		}
	}
	return out
}

// addressField is the field of a node's i-th address.
func addressField(n *nodeView, i int) string {
	if i == 0 {
		return finding.Path("nodes", n.Name, "address")
	}
	return finding.Path("nodes", n.Name, "addresses", fmt.Sprintf("[%d]", i-1))
}

func nameDuplicate(v *view) []fault {
	var out []fault
	host, ssh := map[string]string{}, map[string]string{}
	for _, n := range v.nodes {
		if first, ok := host[n.Hostname]; ok {
			out = append(out, fault{
				field: finding.Path("nodes", n.Name, "hostname"), also: []string{finding.Path("nodes", first)},
				message:  fmt.Sprintf("nodes %s and %s have one host name, %q", first, n.Name, n.Hostname),
				expected: "host names that differ: the leader lease is held under them",
			})
		}
		host[n.Hostname] = n.Name
		if n.SSH.Host == "" {
			continue
		}
		at := fmt.Sprintf("%s:%d", n.SSH.Host, cmp.Or(n.SSH.Port, 22))
		if n.SSH.ProxyJump != "" {
			at += " through " + n.SSH.ProxyJump
		}
		if first, ok := ssh[at]; ok {
			out = append(out, fault{
				field: finding.Path("nodes", n.Name, "ssh", "host"), also: []string{finding.Path("nodes", first, "ssh", "host")},
				message:  fmt.Sprintf("nodes %s and %s are reached at one SSH endpoint, %s", first, n.Name, at),
				expected: "endpoints that differ",
			})
		}
		ssh[at] = n.Name
	}
	return out
}

func addressKind(v *view) []fault {
	var out []fault
	for _, n := range v.nodes {
		for i, a := range n.Addresses {
			if v.unreachable(a, i) {
				out = append(out, fault{
					field:    addressField(n, i),
					message:  fmt.Sprintf("other hosts can't reach node %s at %s", n.Name, a),
					expected: "the host's own unicast address",
				})
			}
		}
	}
	return out
}

// unreachable reports whether other hosts can't reach a node at its i-th address. An
// IPv6 link-local address needs a zone; no apiserver can publish an IPv4 one.
func (v *view) unreachable(a netip.Addr, i int) bool {
	return a.IsUnspecified() || a.IsMulticast() || a == broadcast || a.IsLoopback() && len(v.nodes) > 1 ||
		a.IsLinkLocalUnicast() && (a.Is6() || i == 0 && v.APIServer.Endpoint == spec.EndpointNode)
}

func bindAddressForeign(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("bind-address")
	if !ok || f.Value == "" {
		return nil
	}
	a, err := netip.ParseAddr(f.Value)
	if err != nil {
		return one(fault{field: f.Field, message: fmt.Sprintf("bind-address is %q, not an IP address", f.Value), expected: "an IP address"})
	}
	a = a.Unmap()
	if a.IsUnspecified() || a.IsLoopback() {
		return nil
	}
	for _, own := range n.Addresses {
		if own == a {
			return nil
		}
	}
	return one(fault{
		field: f.Field, message: fmt.Sprintf("bind-address %s is not an address of node %s", a, n.Name),
		expected: fmt.Sprintf("%s, 127.0.0.1, or 0.0.0.0", n.Address()),
		hint:     "kube-controller-manager exits when it can't bind; say it per node: nodes: [string]: N={flags: \"bind-address\": N.address}",
	})
}
