package vet

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// nodeCIDRUnallocated: without the controller, a new node has no range unless something
// else sets one, such as a cloud's controller manager.
func nodeCIDRUnallocated(v *view) []fault {
	if v.facts.Existing == nil || len(v.nodes) == 0 {
		return nil
	}
	n := v.nodes[0] // allocation-differs compares the others with it
	if a, _ := n.flags.Get(allocate); a.Bool() && !ipamOff(n) {
		return nil
	}
	var with []ExistingNode
	for _, e := range v.facts.Existing.Nodes {
		if len(e.CIDRs) > 0 {
			with = append(with, e)
		}
	}
	return nodeFault(with, fault{
		field:    v.flagField(n, allocate),
		message:  "a podCIDR, and kube-controller-manager hands out none: a node that joins gets one only if something else sets it",
		expected: "pod networks that hold",
		hint:     "if something else sets it, waive this with a reason that names it",
	})
}

// nodeAddressInRange: packets to such an address never reach the node. Where something else
// allocates, pods may share the network of the hosts on purpose.
func nodeAddressInRange(v *view) []fault {
	if v.facts.Existing == nil {
		return nil
	}
	var out []fault
	for _, r := range v.ranges() {
		if r.kind == "pods" && len(v.allocators()) == 0 {
			continue
		}
		var in []string
		for _, e := range v.facts.Existing.Nodes {
			if i := slices.IndexFunc(e.Addresses, r.Contains); i >= 0 {
				in = append(in, fmt.Sprintf("%s (%s)", e.Name, e.Addresses[i]))
			}
		}
		if len(in) == 0 {
			continue
		}
		shown := strings.Join(in[:min(3, len(in))], ", ")
		if more := len(in) - 3; more > 0 {
			shown += fmt.Sprintf(" and %d more", more)
		}
		out = append(out, fault{
			field:    r.field,
			message:  fmt.Sprintf("%s an address in the %s range %s: %s", haveNodes(len(in)), strings.TrimSuffix(r.kind, "s"), r.Prefix, shown),
			expected: "ranges that keep clear of the hosts",
		})
	}
	return out
}

func nodeCount(v *view) []fault {
	if v.facts.Existing == nil || v.Networks.MaxNodes == 0 || len(v.facts.Existing.Nodes) <= v.Networks.MaxNodes {
		return nil
	}
	return one(fault{
		field:    "networks.maxNodes",
		message:  fmt.Sprintf("networks.maxNodes is %d, and %d nodes exist", v.Networks.MaxNodes, len(v.facts.Existing.Nodes)),
		expected: "as many as there are, or more",
	})
}

// kubeletSkew applies Kubernetes' version skew policy. The apiserver is as new as
// kube-controller-manager or one minor version newer; what is wrong with both is wrong.
func kubeletSkew(v *view) []fault {
	if v.facts.Existing == nil {
		return nil
	}
	oldest, newest, whose := v.Version.Minor, v.Version.Minor+1, fmt.Sprintf("with kube-controller-manager %s", v.Version)
	field := "version"
	if api := v.APIServer.Version; api != nil {
		oldest, newest, whose, field = api.Minor, api.Minor, fmt.Sprintf("with an apiserver %s", api), "apiserver.version"
	}
	byMinor := map[int][]ExistingNode{}
	for _, e := range v.facts.Existing.Nodes {
		e.CIDRs = nil // someNodes would name them
		byMinor[e.Minor] = append(byMinor[e.Minor], e)
	}
	var out []fault
	for _, minor := range slices.Sorted(maps.Keys(byMinor)) {
		least := minor + 3
		if minor < 25 {
			least = minor + 2
		}
		x := fault{field: field, message: fmt.Sprintf("a kubelet v1.%d %s: ", minor, whose)}
		switch {
		case minor == 0:
			continue
		case minor > newest:
			x.message += "a kubelet must not be newer than the apiserver"
			x.expected = fmt.Sprintf("v1.%d at most on", newest)
		case least < oldest:
			x.message += fmt.Sprintf("it supports an apiserver up to v1.%d", least)
			x.expected = "a newer kubelet first on"
		default:
			continue
		}
		out = append(out, nodeFault(byMinor[minor], x)...)
	}
	return out
}

// nodesForeign: the kubelet of a static pod registers its host as a node, so a list without
// any of them is probably another cluster's. Hosts of units need no kubelet.
func nodesForeign(v *view) []fault {
	if v.facts.Existing == nil || v.Layout != spec.StaticPod {
		return nil
	}
	var names []string
	for _, n := range v.own() {
		names = append(names, n.Name)
		if slices.ContainsFunc(v.facts.Existing.Nodes, func(e ExistingNode) bool {
			return e.Name == n.Name || e.Name == n.Hostname || slices.ContainsFunc(n.Addresses, func(a netip.Addr) bool { return slices.Contains(e.Addresses, a) })
		}) {
			return nil
		}
	}
	if len(names) == 0 {
		return nil
	}
	return one(fault{
		field: "nodes", severity: finding.Warning,
		message:  fmt.Sprintf("%s has %d nodes, and none of this cluster's by name or address (%s)", v.facts.Existing.File, len(v.facts.Existing.Nodes), strings.Join(names[:min(3, len(names))], ", ")),
		expected: "the nodes of this cluster",
	})
}
