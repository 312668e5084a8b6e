package vet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// allocationDiffers: after a failover, the new leader would hand out other ranges, or
// find nodes outside its ranges and exit.
func allocationDiffers(v *view) []fault {
	var out []fault
	first := v.nodes[0]
	for _, n := range v.nodes[1:] {
		for _, name := range []string{allocate, clusterCIDR, mask, mask4, mask6, serviceRange} {
			want, got := first.flags.Value(name, ""), n.flags.Value(name, "")
			if want == got || v.sameAllocation(first, n, name) {
				continue
			}
			out = append(out, fault{
				field: v.flagField(n, name), also: []string{v.flagField(first, name)},
				message:  fmt.Sprintf("%s is %q on node %s and %q on node %s", name, want, first.Name, got, n.Name),
				expected: "one value on all nodes: any of them may lead",
			})
		}
		on := func(n *nodeView) bool { f, _ := n.flags.Get(allocate); return f.Bool() && !ipamOff(n) }
		if a, b := ipamOff(first), ipamOff(n); a != b && (on(first) || on(n)) {
			with, without := first, n
			if a {
				with, without = n, first
			}
			out = append(out, fault{
				field: v.flagField(n, "controllers"), also: []string{v.flagField(first, "controllers")},
				message:  fmt.Sprintf("node-ipam-controller runs on node %s and not on node %s", with.Name, without.Name),
				expected: "one list of controllers on all nodes: any of them may lead",
			})
		}
	}
	return out
}

// sameAllocation reports whether two values of a flag mean the same to the IPAM
// controller. The order of pod networks matters: a node's ranges are matched with them
// by index. Service ranges are only excluded, in any order.
func (v *view) sameAllocation(a, b *nodeView, name string) bool {
	ours, ok1 := prefixes(a.flags.Value(name, ""))
	theirs, ok2 := prefixes(b.flags.Value(name, ""))
	switch name {
	case allocate:
		f, _ := a.flags.Get(name)
		g, _ := b.flags.Get(name)
		return f.Bool() == g.Bool()
	case clusterCIDR:
		return ok1 && ok2 && slices.Equal(ours, theirs)
	case serviceRange:
		if v.stated(serviceRange) {
			return true // service-range-differs compares each node's with the apiserver's
		}
		order := func(p, q netip.Prefix) int { return strings.Compare(p.Masked().String(), q.Masked().String()) }
		slices.SortFunc(ours, order)
		slices.SortFunc(theirs, order)
		return ok1 && ok2 && slices.Equal(ours, theirs)
	}
	x, ok1 := allocationOf(a)
	y, ok2 := allocationOf(b)
	return ok1 && ok2 && slices.Equal(x.pods, y.pods) && slices.Equal(x.masks, y.masks)
}
