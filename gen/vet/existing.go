package vet

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Existing are the nodes that a cluster has, control plane and workers, as its apiserver
// lists them.
type Existing struct {
	Given string // the file, or "-"
	File  string // as messages name it
	Nodes []ExistingNode
}

// ExistingNode is what rules need of a Node object.
type ExistingNode struct {
	Name      string
	CIDRs     []netip.Prefix // spec.podCIDRs
	Addresses []netip.Addr
	Created   time.Time
	Minor     int // of the kubelet's version; 0 if it isn't known
}

// existingRules look at the nodes that exist. Without these (kcmgen vet --nodes) they
// report nothing, not even that they were not checked: a cluster in CUE is whole without a
// list of its nodes.
var existingRules = []Rule{
	{
		ID: "node-cidr-outside", Severity: isError, Fixed: true, Existing: true, cluster: nodeCIDROutside,
		Doc: "the podCIDRs of the nodes that exist lie in the pod networks, each in the one of its place (kcmgen vet --nodes)",
	},
	{
		ID: "node-cidr-mask", Severity: isWarning, Existing: true, cluster: nodeCIDRMask,
		Doc: "the nodes that exist have ranges of the size that new ones get (kcmgen vet --nodes)",
	},
	{
		ID: "node-cidr-family", Severity: isWarning, Existing: true, cluster: nodeCIDRFamily,
		Doc: "the nodes that exist have a range of each pod network (kcmgen vet --nodes)",
	},
	{
		ID: "node-cidr-overlap", Severity: isError, Existing: true, cluster: nodeCIDROverlap,
		Doc: "no two nodes that exist have addresses for pods in common (kcmgen vet --nodes)",
	},
	{
		ID: "node-cidr-service", Severity: isError, Existing: true, cluster: nodeCIDRService,
		Doc: "no node that exists has addresses of the services for its pods (kcmgen vet --nodes)",
	},
	{
		ID: "node-cidr-left", Severity: isWarning, Existing: true, cluster: nodeCIDRLeft,
		Doc: "the pod networks have ranges left for more nodes (an error where a node that exists gets none; kcmgen vet --nodes)",
	},
	{
		ID: "node-cidr-unallocated", Severity: isWarning, Existing: true, cluster: nodeCIDRUnallocated,
		Doc: "where nodes have podCIDRs, kube-controller-manager hands them out (kcmgen vet --nodes)",
	},
	{
		ID: "node-address-in-range", Severity: isError, Existing: true, cluster: nodeAddressInRange,
		Doc: "no node that exists has an address in a pod or service network (kcmgen vet --nodes)",
	},
	{
		ID: "node-count", Severity: isWarning, Existing: true, cluster: nodeCount,
		Doc: "no more nodes exist than networks.maxNodes says (kcmgen vet --nodes)",
	},
	{
		ID: "kubelet-skew", Severity: isError, Existing: true, cluster: kubeletSkew,
		Doc: "no kubelet is newer than the apiserver, or more than three minor versions older (kcmgen vet --nodes)",
	},
	{
		ID: "nodes-foreign", Severity: isWarning, Existing: true, cluster: nodesForeign,
		Doc: "a list of nodes has those of the cluster that run a kubelet (kcmgen vet --nodes)",
	},
}

// pools returns the pod networks that a node's KCM divides among nodes; none if it
// doesn't, or if node-mask-size says that it can't.
func (n *nodeView) pools() []pool {
	al, ok := allocationOf(n)
	// Up to v1.31 there were other allocators, which clouds had, and one of its own objects.
	if !ok || n.value("cidr-allocator-type") != "" && n.value("cidr-allocator-type") != "RangeAllocator" {
		return nil
	}
	var out []pool
	for i, p := range al.pods {
		out = append(out, pool{p, al.masks[i]})
		if !out[i].divides() {
			return nil
		}
	}
	return out
}

// allocators returns a node of the cluster for each way to allocate: any of them may lead.
func (v *view) allocators() []*nodeView {
	var out []*nodeView
	for _, n := range v.nodes {
		if n.alike.first == n && len(n.pools()) > 0 && !slices.ContainsFunc(out, func(o *nodeView) bool {
			return slices.Equal(o.pools(), n.pools()) && o.flags.Value(serviceRange, "") == n.flags.Value(serviceRange, "")
		}) {
			out = append(out, n)
		}
	}
	return out
}

// eachExisting applies a rule to each way to allocate, if there are nodes.
func (v *view) eachExisting(check func(n *nodeView, pools []pool, nodes []ExistingNode) []fault) []fault {
	if v.facts.Existing == nil {
		return nil
	}
	var out []fault
	for _, n := range v.allocators() {
		out = append(out, check(n, n.pools(), v.facts.Existing.Nodes)...)
	}
	return out
}

// nodeCIDROutside: occupyCIDRs of the IPAM controller matches a node's ranges with the pod
// networks by their place in the list, and its error ends the process (range_allocator.go,
// v1.20 to v1.37). A range of another size is no error.
func nodeCIDROutside(v *view) []fault {
	return v.eachExisting(func(n *nodeView, pools []pool, nodes []ExistingNode) []fault {
		var outside, swapped, second []ExistingNode
		for _, e := range nodes {
			switch {
			case fits(e.CIDRs, pools):
			case len(e.CIDRs) > len(pools):
				second = append(second, e)
			case len(pools) == 2 && fits(e.CIDRs, []pool{pools[1], pools[0]}):
				swapped = append(swapped, e)
			default:
				outside = append(outside, e)
			}
		}
		const end = "the node that leads exits, and so does the next"
		cidr := text(allPrefixes(pools))
		return slices.Concat(
			nodeFault(outside, fault{
				field: n.flags.Field(clusterCIDR), message: fmt.Sprintf("a podCIDR outside the pod networks %s: %s", cidr, end),
				expected: "pod networks that hold", hint: "keep the range that the nodes have; to change it, remove these nodes first, and let them join again",
			}),
			nodeFault(swapped, fault{
				field: n.flags.Field(clusterCIDR), message: fmt.Sprintf("podCIDRs in another order than the pod networks %s: %s", cidr, end),
				expected: text([]netip.Prefix{pools[len(pools)-1].Prefix, pools[0].Prefix}) + ", as on",
			}),
			nodeFault(second, fault{
				field: n.flags.Field(clusterCIDR), message: fmt.Sprintf("two podCIDRs, and there is one pod network, %s: %s", cidr, end),
				expected: "a pod network of each family, as on", hint: "to leave dual stack, remove these nodes first, and let them join again",
			}),
		)
	})
}

// fits reports whether ranges lie in the pools of the same places.
func fits(cidrs []netip.Prefix, pools []pool) bool {
	if len(cidrs) > len(pools) {
		return false
	}
	for i, c := range cidrs {
		if _, ok := pools[i].occupied(c); !ok {
			return false
		}
	}
	return true
}

func allPrefixes(pools []pool) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range pools {
		out = append(out, p.Prefix)
	}
	return out
}

// nodeFault returns a fault about nodes. Its message goes on after how many they are, and what
// is expected ends with the first of them.
func nodeFault(nodes []ExistingNode, f fault) []fault {
	if len(nodes) == 0 {
		return nil
	}
	f.message = haveNodes(len(nodes)) + " " + f.message
	f.expected += " " + someNodes(nodes)
	return one(f)
}

func haveNodes(n int) string {
	if n == 1 {
		return "1 node has"
	}
	return fmt.Sprintf("%d nodes have", n)
}

// someNodes names the first nodes with their ranges.
func someNodes(nodes []ExistingNode) string {
	const shown = 3
	var names []string
	for _, e := range nodes[:min(shown, len(nodes))] {
		name := e.Name
		if len(e.CIDRs) > 0 {
			name += " (" + text(e.CIDRs) + ")"
		}
		names = append(names, name)
	}
	if more := len(nodes) - shown; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// nodeCIDRMask: a range of another size takes away each new range that it touches. Where
// two nodes have parts of one new range, it is free again as soon as one of them goes.
func nodeCIDRMask(v *view) []fault {
	return v.eachExisting(func(n *nodeView, pools []pool, nodes []ExistingNode) []fault {
		var out []fault
		for i, p := range pools {
			f, _ := maskOf(n, p.Prefix, len(pools) == 2)
			var longer, shorter []ExistingNode
			users := map[uint64]int{}
			for _, e := range nodes {
				if i >= len(e.CIDRs) {
					continue
				}
				s, ok := p.occupied(e.CIDRs[i])
				switch bits := e.CIDRs[i].Bits(); {
				case !ok || bits == p.mask: // node-cidr-outside
				case bits < p.mask:
					shorter = append(shorter, e)
				default:
					longer = append(longer, e)
					users[s.first]++
				}
			}
			shared := 0
			for _, count := range users {
				if count > 1 {
					shared++
				}
			}
			message := fmt.Sprintf("a smaller range than /%d, which new nodes get: each takes one of these away", p.mask)
			if shared > 0 {
				message = fmt.Sprintf("a smaller range than /%d, which new nodes get, and in %d of these there are several: when one of its nodes goes, a new node may get it while the others still use it", p.mask, shared)
			}
			out = append(out, nodeFault(longer, fault{field: f.Field, message: message, expected: "a mask as on"})...)
			out = append(out, nodeFault(shorter, fault{
				field: f.Field, message: fmt.Sprintf("a larger range than /%d, which new nodes get: each takes several of these away", p.mask), expected: "a mask as on",
			})...)
		}
		return out
	})
}

// nodeCIDRFamily: a node that has a range keeps what it has; a second one is never added.
func nodeCIDRFamily(v *view) []fault {
	return v.eachExisting(func(n *nodeView, pools []pool, nodes []ExistingNode) []fault {
		var out []ExistingNode
		for _, e := range nodes {
			if len(e.CIDRs) > 0 && len(e.CIDRs) < len(pools) && fits(e.CIDRs, pools) {
				out = append(out, e)
			}
		}
		return nodeFault(out, fault{
			field:    n.flags.Field(clusterCIDR),
			message:  "one podCIDR, and there are two pod networks: kube-controller-manager gives a second one only to nodes that join",
			expected: "nodes that join again:",
		})
	})
}

// nodeCIDROverlap compares neighbours: sorted by address, the wider range first, an overlap
// shows between two of them.
func nodeCIDROverlap(v *view) []fault {
	type owned struct {
		netip.Prefix
		node ExistingNode
	}
	return v.eachExisting(func(n *nodeView, _ []pool, nodes []ExistingNode) []fault {
		var all []owned
		for _, e := range nodes {
			for _, c := range e.CIDRs {
				all = append(all, owned{c, e})
			}
		}
		slices.SortFunc(all, func(a, b owned) int { return cmp.Or(a.Compare(b.Prefix), strings.Compare(a.node.Name, b.node.Name)) })
		var out []fault
		for i := 1; i < len(all) && len(out) < maxOverlaps; i++ {
			a, b := all[i-1], all[i]
			if !a.Overlaps(b.Prefix) {
				continue
			}
			if b.Bits() > a.Bits() { // a may hold the next one, too
				all[i] = a
			}
			out = append(out, fault{
				field:    n.flags.Field(clusterCIDR),
				message:  fmt.Sprintf("nodes %s (%s) and %s (%s) have addresses for pods in common", a.node.Name, a.Prefix, b.node.Name, b.Prefix),
				expected: "a range of its own for each node",
				hint:     "remove one of the two nodes, and let it join again",
			})
		}
		return out
	})
}

// maxOverlaps bounds how many pairs of nodes are reported.
const maxOverlaps = 5

func nodeCIDRService(v *view) []fault {
	return v.eachExisting(func(n *nodeView, _ []pool, nodes []ExistingNode) []fault {
		f, ok := n.flags.Get(serviceRange)
		services, _ := prefixes(f.Value) // errors: cidr-invalid
		if !ok {
			return nil
		}
		var in []ExistingNode
		for _, e := range nodes {
			if overlapsAny(e.CIDRs, services) {
				in = append(in, e)
			}
		}
		return nodeFault(in, fault{
			field: f.Field, also: []string{n.flags.Field(clusterCIDR)},
			message:  fmt.Sprintf("a podCIDR in the service range %s: pods and services would have addresses in common", f.Value),
			expected: "a service range that keeps clear of",
			hint:     "remove these nodes, and let them join again; kube-controller-manager hands out no such range as long as it knows the services'",
		})
	})
}

func overlapsAny(as, bs []netip.Prefix) bool {
	return slices.ContainsFunc(as, func(a netip.Prefix) bool { return slices.ContainsFunc(bs, a.Overlaps) })
}
