package vet

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

var addressRules = []Rule{
	{
		ID: "apiserver-address", Severity: isError, cluster: apiserverAddress,
		Doc: "the apiserver's address goes with an endpoint that uses it, and clients can connect to it",
	},
	{
		ID: "node-network", Severity: isWarning, cluster: nodeNetwork,
		Doc: "every node has an address in one of networks.nodes, if there are any",
	},
	{
		ID: "node-name-address", Severity: isError, cluster: nodeNameAddress,
		Doc: "a node's name that looks like an address is one of its own (a warning where it is another's)",
	},
	{
		ID: "ssh-jump", Severity: isError, Fixed: true, cluster: sshJump,
		Doc: "ssh.proxyJump is a list of hosts as ssh -J takes it",
	},
}

const advertise = "advertise-address"

// host is an address, the field that sets it, and its owner as messages name it.
type host struct {
	netip.Addr
	field, whose string
}

// apiserverEndpoint returns the apiserver's address, if KCM connects to it and it is
// an IP address.
func (v *view) apiserverEndpoint() (netip.Addr, bool) {
	if v.endpointIsNode() {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(v.APIServer.Address)
	return a.Unmap(), err == nil
}

// endpointIsNode reports whether every node talks to an apiserver of its own.
func (v *view) endpointIsNode() bool {
	return v.APIServer.Endpoint == spec.EndpointNode || v.APIServer.Endpoint == spec.EndpointLocal
}

// hosts returns the addresses of nodes and of the apiserver.
func (v *view) hosts() []host {
	var out []host
	for _, n := range v.nodes {
		for i, a := range n.Addresses {
			out = append(out, host{a, addressField(n, i), "of node " + n.Name})
		}
	}
	if a, ok := v.apiserverEndpoint(); ok {
		out = append(out, host{a, "apiserver.address", "of the apiserver"})
	}
	if f, ok := v.APIServer.Flags[advertise]; ok {
		if a, err := netip.ParseAddr(f.Value); err == nil {
			out = append(out, host{a.Unmap(), finding.Path("apiserver", "flags", advertise), "that the apiserver publishes"})
		}
	}
	return out
}

// hostsOverlap: packets to an address in a pod or service range never reach the host.
func (v *view) hostsOverlap() []fault {
	var out []fault
	ranges := v.ranges()
	for _, h := range v.hosts() {
		for _, r := range ranges {
			if !r.Contains(h.Addr) || r.flag && v.nodeRangeOverlaps(r, h.Addr) {
				continue
			}
			out = append(out, fault{
				field: h.field, also: []string{r.field},
				message:  fmt.Sprintf("the address %s %s lies in %s %s", h.Addr, h.whose, r.field, r.Prefix),
				expected: "an address outside the pod and service networks",
			})
		}
	}
	return out
}

// nodeRangeOverlaps reports whether a node network that holds a overlaps r, which
// networksOverlap reports.
func (v *view) nodeRangeOverlaps(r network, a netip.Addr) bool {
	return slices.ContainsFunc(v.Networks.Nodes, func(p netip.Prefix) bool { return p.Contains(a) && p.Overlaps(r.Prefix) })
}

func apiserverAddress(v *view) []fault {
	api := v.APIServer
	var out []fault
	if api.Address != "" && v.endpointIsNode() {
		out = append(out, fault{
			field: "apiserver.address", also: []string{"apiserver.endpoint"},
			message:  fmt.Sprintf("apiserver.address %s has no effect: the endpoint is %q", api.Address, api.Endpoint),
			expected: `endpoint: "vip" or "loadBalancer", or no address`,
			hint:     fmt.Sprintf(`add apiserver: endpoint: "vip"; with %q each node talks to an apiserver of its own`, api.Endpoint),
		})
	}
	if a, ok := v.apiserverEndpoint(); ok {
		out = append(out, v.sharedAddress(a)...)
	}
	if f, ok := api.Flags[advertise]; ok {
		// An unspecified address stands for the host's own.
		if a, err := netip.ParseAddr(f.Value); err == nil && !a.IsUnspecified() && refusedEndpoint(a) != "" {
			out = append(out, fault{
				field:    finding.Path("apiserver", "flags", advertise),
				message:  fmt.Sprintf("the apiserver can't publish %s, %s: it would exit", a, refusedEndpoint(a)),
				expected: "an address that pods can reach",
			})
		}
	}
	return out
}

// sharedAddress checks an address by which all nodes reach the apiserver.
func (v *view) sharedAddress(a netip.Addr) []fault {
	if a.IsUnspecified() || a.IsMulticast() || a.Is6() && a.IsLinkLocalUnicast() || a == broadcast {
		return one(fault{
			field: "apiserver.address", message: fmt.Sprintf("no client can connect to %s", a),
			expected: "the unicast address of the virtual IP or load balancer",
		})
	}
	for _, n := range v.nodes {
		if len(v.nodes) > 1 && slices.Contains(n.Addresses, a) {
			return one(fault{
				field: "apiserver.address", severity: finding.Warning, also: []string{addressField(n, slices.Index(n.Addresses, a))},
				message:  fmt.Sprintf("%s is node %s's own address: without that host, no node reaches an apiserver", a, n.Name),
				expected: "an address that moves to another host, or a load balancer's",
			})
		}
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// refusedEndpoint says why Kubernetes accepts no endpoint with an address
// (ValidateEndpointIP of pkg/apis/core/validation); "" if it does.
func refusedEndpoint(a netip.Addr) string {
	a = a.Unmap()
	switch {
	case a.IsUnspecified():
		return "unspecified"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.IsLinkLocalMulticast():
		return "a link-local multicast address"
	}
	return ""
}

// nodeNetwork: networks.nodes keeps pods and services off the hosts' addresses. A node
// outside it is in an unlisted network, or the range is mistyped.
func nodeNetwork(v *view) []fault {
	if len(v.Networks.Nodes) == 0 {
		return nil
	}
	var outside []fault
	for _, n := range v.nodes {
		if v.unreachable(n.Address(), 0) {
			continue // node-address-kind
		}
		in := slices.ContainsFunc(n.Addresses, func(a netip.Addr) bool {
			return slices.ContainsFunc(v.Networks.Nodes, func(p netip.Prefix) bool { return p.Contains(a) })
		})
		if !in {
			outside = append(outside, fault{
				field: addressField(n, 0), also: []string{"networks.nodes"},
				message:  fmt.Sprintf("node %s has no address in networks.nodes %s", n.Name, text(v.Networks.Nodes)),
				expected: "the network of every host: nothing else keeps pods and services clear of it",
			})
		}
	}
	if len(outside) < len(v.nodes) || len(v.nodes) == 0 {
		return outside
	}
	return one(fault{
		field:    "networks.nodes",
		message:  fmt.Sprintf("networks.nodes %s holds the address of no node", text(v.Networks.Nodes)),
		expected: fmt.Sprintf("the networks of the hosts, such as %s's", v.nodes[0].Address()),
	})
}

// nodeNameAddress: node names become subject alternative names, where a name that
// looks like an address is one.
func nodeNameAddress(v *view) []fault {
	if !v.namesNodes() {
		return nil
	}
	var out []fault
	for _, n := range v.nodes {
		at := finding.Path("nodes", n.Name)
		h, err := spec.ParseHost(n.Name)
		switch {
		case err != nil:
			out = append(out, fault{
				field: at, message: fmt.Sprintf("a certificate can't have the name of node %.80s: %v", n.Name, err),
				expected: "a DNS name, or sans: names: false",
			})
		case h.Addr.IsValid() && !slices.Contains(n.Addresses, h.Addr):
			out = append(out, fault{
				field: at, severity: finding.Warning, also: []string{addressField(n, 0)},
				message:  fmt.Sprintf("the certificate of node %s would name the address %s, which isn't the node's", n.Name, n.Name),
				expected: "an address of the node's, another name, or sans: names: false",
			})
		}
	}
	return out
}

// namesNodes reports whether kcmgen makes a certificate with the nodes' names.
func (v *view) namesNodes() bool {
	leaves := []spec.Leaf{v.PKI.Client, v.PKI.Serving}
	if !v.PKI.Separate {
		leaves = []spec.Leaf{v.PKI.Combined}
	}
	return slices.ContainsFunc(leaves, func(l spec.Leaf) bool { return l.SANs.Names && l.SANs.Nodes != spec.NoNodes })
}

func sshJump(v *view) []fault {
	var out []fault
	for _, n := range v.nodes {
		if why := spec.JumpFault(n.SSH.ProxyJump); n.SSH.ProxyJump != "" && why != "" {
			out = append(out, fault{
				field:    finding.Path("nodes", n.Name, "ssh", "proxyJump"),
				message:  fmt.Sprintf("node %s has no jump host %s", n.Name, why),
				expected: `[user@]host[:port], several with "," between, or "none"`,
			})
		}
	}
	return out
}
