package status

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
)

// fewLeft is the part of a pool that counts as nearly used up.
const fewLeft = 0.05

// nodes looks at the ranges of the cluster's nodes.
func (f *finder) nodes() {
	n := &f.c.Nodes
	switch {
	case n.Problem == nil:
	case f.c.Apiserver.Problem == nil && f.c.Lease.Problem == nil:
		f.add(NotChecked, "nodes-not-read", readRights, "%s", n.Problem.Text)
		return
	default:
		return // told with the apiserver
	}
	if !n.Allocates {
		return
	}
	without, outside, all := n.sort()
	if len(without) > 0 {
		f.add(Error, "node-without-podcidr", "look for nodeipam in the leader's log", "%s no podCIDR: %s", nodesHave(without), atMost(without, 5))
	}
	if len(outside) > 0 {
		f.add(Error, "node-outside", "set networks: pods to ranges that hold them, or remove the nodes", "%s a podCIDR outside the cluster's ranges: %s", nodesHave(outside), atMost(outside, 5))
	}
	if a, b, ok := overlapping(all); ok {
		f.add(Error, "nodes-overlap", "remove one of the two nodes, and let it join again", "the podCIDRs of %s (%s) and %s (%s) overlap", a.node, a.cidr, b.node, b.cidr)
	}
	for _, p := range n.Pools {
		if all := p.parts(); all > 1 && float64(p.Left) <= fewLeft*float64(all) {
			f.add(Warning, "ranges-left", "add a range to networks: pods before more nodes join", "%s has room for %d more of the %d nodes that can have a /%d of it", p.CIDR, p.Left, all, p.Mask)
		}
	}
}

func nodesHave(nodes []string) string {
	if len(nodes) == 1 {
		return "1 node has"
	}
	return fmt.Sprintf("%d nodes have", len(nodes))
}

// sort returns the nodes without a range, those with one outside the pools, and the ranges
// that are inside. It sets what is left of the pools.
func (n *Nodes) sort() (without, outside []string, all []owned) {
	used := make([]int64, len(n.Pools))
	for _, node := range n.Objects {
		if len(node.CIDRs) == 0 {
			without = append(without, node.Name)
		}
		for _, text := range node.CIDRs {
			cidr, err := netip.ParsePrefix(text)
			i := slices.IndexFunc(n.Pools, func(p Pool) bool { return err == nil && p.CIDR.Overlaps(cidr) && cidr.Bits() >= p.CIDR.Bits() })
			if i < 0 {
				outside = append(outside, node.Name+" ("+text+")")
				continue
			}
			used[i]++
			all = append(all, owned{node.Name, cidr.Masked()})
		}
	}
	for i := range n.Pools {
		p := &n.Pools[i]
		if p.Left = p.parts(); p.Left >= 0 {
			p.Left = max(0, p.Left-used[i])
		}
	}
	return without, outside, all
}

// parts returns how many nodes can get a part of a pool; -1: more than 2³¹.
func (p Pool) parts() int64 {
	switch bits := p.Mask - p.CIDR.Bits(); {
	case bits > 31:
		return -1
	case bits < 0:
		return 0
	default:
		return int64(math.Exp2(float64(bits)))
	}
}

// owned is a node's range.
type owned struct {
	node string
	cidr netip.Prefix
}

// overlapping returns two ranges that overlap. Sorted by address, the wider one first, an
// overlap shows between neighbours.
func overlapping(all []owned) (a, b owned, ok bool) {
	slices.SortFunc(all, func(a, b owned) int { return a.cidr.Compare(b.cidr) })
	for i := 1; i < len(all); i++ {
		if all[i-1].cidr.Overlaps(all[i].cidr) {
			return all[i-1], all[i], true
		}
	}
	return a, b, false
}
