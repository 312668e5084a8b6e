package vet

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Room is what a pod network has left for more nodes.
type Room struct {
	CIDR netip.Prefix
	Mask int // prefix length of a node's range
	// Ranges is how many nodes can have one, without those that the services take away.
	// Left are those that no node has, and that no node waits for.
	Ranges, Left uint64
	// Waiting is how many nodes have no range; with more than are left, Left is 0.
	Waiting, Joined int
	Short           int // how many of these get none
	// Ends is when none is left if as many nodes go on to join as in the last ratePeriod,
	// and none leaves. Zero: there is no such rate.
	Ends time.Time
}

// ratePeriod is how far back nodes are counted for the rate at which they join. A cluster
// whose oldest node is younger has no rate yet: it was just made, or all its nodes are
// replaced from time to time.
const ratePeriod = 90 * 24 * time.Hour

// leastJoined is how many nodes make a rate.
const leastJoined = 3

// longest is the furthest end that is worth a date.
const longest = 10 * 365 * 24 * time.Hour

// Rooms returns what the pod networks of a cluster have left for more nodes than
// facts.Existing; nothing if kube-controller-manager hands out no ranges.
func Rooms(c *spec.Cluster, facts Facts) []Room {
	v := newView(c, facts)
	if ns := v.allocators(); facts.Existing != nil && len(ns) > 0 {
		return v.rooms(ns[0])
	}
	return nil
}

func (v *view) rooms(n *nodeView) []Room {
	services, _ := prefixes(n.flags.Value(serviceRange, "")) // errors: cidr-invalid
	var out []Room
	for i, p := range n.pools() {
		r := Room{CIDR: p.Prefix, Mask: p.mask}
		var runs []numbers
		for _, s := range services {
			if taken, ok := p.occupied(s); ok {
				runs = append(runs, taken)
			}
		}
		noNodes := union(runs)
		r.Ranges = p.size() - noNodes
		for _, e := range v.facts.Existing.Nodes {
			if len(e.CIDRs) == 0 {
				r.Waiting++
			}
			if i >= len(e.CIDRs) {
				continue
			}
			if taken, ok := p.occupied(e.CIDRs[i]); ok {
				runs = append(runs, taken)
			}
		}
		r.Left = p.size() - union(runs)
		switch waiting := uint64(r.Waiting); {
		case waiting > r.Left:
			r.Short, r.Left = int(waiting-r.Left), 0
		default:
			r.Left -= waiting
		}
		v.rate(&r)
		out = append(out, r)
	}
	return out
}

// rate sets how many nodes joined, and when the room ends at that rate.
func (v *view) rate(r *Room) {
	now, old := v.facts.Now, false
	for _, e := range v.facts.Existing.Nodes {
		switch {
		case e.Created.IsZero():
		case now.Sub(e.Created) >= ratePeriod:
			old = true
		default:
			r.Joined++
		}
	}
	if !old {
		r.Joined = 0
	}
	if r.Joined < leastJoined {
		return
	}
	if d := float64(r.Left) / float64(r.Joined) * float64(ratePeriod); d < float64(longest) {
		r.Ends = now.Add(time.Duration(d))
	}
}

// String says what is left, and what the estimate is made of.
func (r Room) String() string {
	s := fmt.Sprintf("%s has %d of %d ranges of /%d left", r.CIDR, r.Left, r.Ranges, r.Mask)
	if !r.Ends.IsZero() {
		s += fmt.Sprintf("; %d nodes joined in the last %d days, at which rate they end about %s if none leaves", r.Joined, int(ratePeriod.Hours()/24), r.Ends.UTC().Format(time.DateOnly))
	}
	return s
}

// fewLeft is the part of the ranges that counts as nearly used up: as in kcmgen status. If
// as many nodes joined lately as there are ranges left, it is a quarter.
const fewLeft, fewLeftSoon = 0.05, 0.25

// nodeCIDRLeft: without a range left, a node that joins has no podCIDR, and an event
// CIDRNotAvailable is all that says so.
func nodeCIDRLeft(v *view) []fault {
	return v.eachExisting(func(n *nodeView, _ []pool, nodes []ExistingNode) []fault {
		var out []fault
		for _, r := range v.rooms(n) {
			f := fault{
				field:    n.flags.Field(clusterCIDR),
				expected: "a pod network that holds this one and is larger: nodes keep their ranges",
			}
			share := float64(r.Left) / float64(max(r.Ranges, 1))
			soon := r.Joined >= leastJoined && r.Left <= uint64(r.Joined)
			// maxNodes says that no more nodes will join.
			enough := v.Networks.MaxNodes > 0 && uint64(len(nodes))+r.Left >= uint64(v.Networks.MaxNodes)
			switch {
			case r.Short > 0:
				f.severity = finding.Error
				f.message = fmt.Sprintf("%d nodes wait for a podCIDR, and the pod network %s has ranges of /%d for %d of them", r.Waiting, r.CIDR, r.Mask, r.Waiting-r.Short)
			case !enough && (share <= fewLeft || soon && share <= fewLeftSoon):
				f.message = fmt.Sprintf("the pod network %s", r)
			default:
				continue
			}
			out = append(out, f)
		}
		return out
	})
}
