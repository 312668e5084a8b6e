package review

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// UpgradeNotes returns what kcmgen upgrade says of the way from one version of Kubernetes
// to another, for a cluster that was old and is now.
type UpgradeNotes func(old, now *Cluster) []string

// Compare returns what differs between two states of clusters. It is pure: the same states
// have the same difference. notes may be nil.
//
// A cluster and a node are the same on both sides if they have the same name. Otherwise a
// cluster of the same directory, or with the same nodes by their first addresses, was
// renamed; and so was a node with the same first address.
func Compare(base, head *Sources, notes UpgradeNotes) *Difference {
	c := &comparison{base: base, head: head, notes: notes}
	c.out = &Difference{Base: base.Side, Head: head.Side, Clusters: []ClusterDifference{}, Untouched: []string{}}
	for _, p := range c.pairs() {
		c.compare(p)
	}
	c.untouched()
	slices.SortStableFunc(c.out.Clusters, func(a, b ClusterDifference) int { return strings.Compare(a.Name, b.Name) })
	return c.out
}

// comparison is one call of Compare.
type comparison struct {
	base, head *Sources
	notes      UpgradeNotes
	out        *Difference
}

// couple is a cluster on both sides, or what there is in its place: nothing, or the faults
// of its package.
type couple struct {
	old, now       *Cluster
	oldAt, nowAt   string // directories of packages that can't be evaluated
	faultyOld, bad bool
}

// pairs finds the clusters and the faulty packages that belong together.
func (c *comparison) pairs() []couple {
	olds, nows := slices.Clone(c.base.Clusters), slices.Clone(c.head.Clusters)
	var out []couple
	pair := func(key func(*Cluster) string) {
		then := map[string]int{}
		for i, o := range olds {
			if k := key(o); o != nil && k != "" {
				if _, twice := then[k]; !twice {
					then[k] = i
				}
			}
		}
		for i, n := range nows {
			if n == nil {
				continue
			}
			if at, ok := then[key(n)]; ok && olds[at] != nil {
				out = append(out, couple{old: olds[at], now: n})
				olds[at], nows[i] = nil, nil
			}
		}
	}
	pair(func(c *Cluster) string { return named(c, func() string { return c.Name + "\x00" + c.Dir }) })
	pair(func(c *Cluster) string { return named(c, func() string { return c.Name }) })
	pair(func(c *Cluster) string { return named(c, func() string { return c.Dir }) })
	out = append(out, c.faulty(olds, nows)...)
	pair(func(c *Cluster) string { return named(c, func() string { return hosts(c) }) })
	for _, o := range olds {
		if o != nil {
			out = append(out, couple{old: o})
		}
	}
	for _, n := range nows {
		if n != nil {
			out = append(out, couple{now: n})
		}
	}
	return out
}

// named is a key of a cluster that may be nil.
func named(c *Cluster, key func() string) string {
	if c == nil {
		return ""
	}
	return key()
}

// hosts are the first addresses of a cluster's nodes.
func hosts(c *Cluster) string {
	var all []string
	for i := range c.Nodes {
		all = append(all, firstAddress(&c.Nodes[i]))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func firstAddress(n *Node) string {
	if len(n.Addresses) == 0 {
		return ""
	}
	return n.Addresses[0]
}

// faulty takes from both sides the clusters whose package can't be evaluated on the other.
func (c *comparison) faulty(olds, nows []*Cluster) []couple {
	take := func(from []*Cluster, dir string) *Cluster {
		for i, one := range from {
			if one != nil && one.Dir == dir {
				from[i] = nil
				return one
			}
		}
		return nil
	}
	dirs := maps.Clone(c.base.Faults)
	if dirs == nil {
		dirs = map[string][]finding.Finding{}
	}
	maps.Copy(dirs, c.head.Faults)
	var out []couple
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		p := couple{}
		if _, bad := c.base.Faults[dir]; bad {
			p.oldAt, p.faultyOld = dir, true
		} else {
			p.old = take(olds, dir)
		}
		if _, bad := c.head.Faults[dir]; bad {
			p.nowAt, p.bad = dir, true
		} else {
			p.now = take(nows, dir)
		}
		out = append(out, p)
	}
	return out
}

// compare adds what differs in one cluster.
func (c *comparison) compare(p couple) {
	switch {
	case p.faultyOld && p.bad:
		come, gone := movedFindings(c.base.Faults[p.oldAt], c.head.Faults[p.nowAt], nil)
		if len(come)+len(gone) == 0 {
			c.out.Notes = append(c.out.Notes, fmt.Sprintf("%s can't be evaluated on either side, for the same reasons: it isn't compared", p.nowAt))
			return
		}
		c.add(ClusterDifference{Name: p.nowAt, State: Faulty, Come: come, Gone: gone})
	case p.bad:
		// Rules weren't applied to it, so what they said of the old one isn't gone.
		c.add(ClusterDifference{Name: nameOr(p.old, p.nowAt), State: Faulty, Come: c.head.Faults[p.nowAt], Old: p.old})
	case p.faultyOld:
		d := ClusterDifference{Name: nameOr(p.now, p.oldAt), State: Faulty, Gone: c.base.Faults[p.oldAt], New: p.now}
		if p.now != nil {
			d.Come = p.now.Findings
		}
		c.add(d)
	case p.old == nil:
		d := ClusterDifference{Name: p.now.Name, State: Added, Come: p.now.Findings, New: p.now}
		d.Changes = membership("", p.now)
		d.Nodes = nodesOf(p.now, Added)
		c.add(d)
	case p.now == nil:
		d := ClusterDifference{Name: p.old.Name, State: Removed, Gone: p.old.Findings, Old: p.old}
		d.Changes = membership(p.old.Kubernetes, nil)
		d.Nodes = nodesOf(p.old, Removed)
		c.add(d)
	default:
		c.both(p.old, p.now)
	}
}

func (c *comparison) add(d ClusterDifference) {
	if d.Changes == nil {
		d.Changes = []Change{}
	}
	c.out.Clusters = append(c.out.Clusters, d)
}

func nameOr(c *Cluster, otherwise string) string {
	if c == nil {
		return otherwise
	}
	return c.Name
}

// membership is the change of a whole cluster that comes, or that is gone; old and the new
// value are its version of Kubernetes.
func membership(old string, now *Cluster) []Change {
	cs := newChanges(nil)
	g := gathered{Change: Change{Kind: OfMembership, Name: "cluster"}}
	if old != "" {
		g.Old = &Value{Text: old}
	}
	if now != nil {
		g.New = &Value{Text: now.Kubernetes}
	}
	cs.add(g, nil)
	return cs.all(0)
}

func nodesOf(c *Cluster, s State) []NodeDifference {
	var out []NodeDifference
	for i := range c.Nodes {
		out = append(out, NodeDifference{Name: c.Nodes[i].Name, State: s})
	}
	return out
}

// untouched adds the names of clusters of which nothing differs.
func (c *comparison) untouched() {
	c.out.Untouched = append(c.out.Untouched, c.base.Same...)
	c.out.Untouched = append(c.out.Untouched, c.head.Same...)
	slices.Sort(c.out.Untouched)
	c.out.Untouched = slices.Compact(c.out.Untouched)
}

// both compares a cluster that both sides have.
func (c *comparison) both(old, now *Cluster) {
	d := ClusterDifference{Name: now.Name, State: Changed, Old: old, New: now}
	if old.Name != now.Name {
		d.OldName, d.State = old.Name, Renamed
	}
	x := newDiffer(old, now)
	x.cluster()
	if old.Kubernetes != now.Kubernetes {
		d.Upgrade = &Upgrade{From: old.Kubernetes, To: now.Kubernetes}
		if c.notes != nil {
			d.Upgrade.Notes = c.notes(old, now)
		}
	}
	d.Come, d.Gone = movedFindings(old.Findings, now.Findings, x)
	d.Changes, d.Nodes = x.changes.all(x.minors[1]), x.nodes
	if d.State == Changed && d.Upgrade == nil && len(d.Changes)+len(d.Come)+len(d.Gone)+len(d.Nodes) == 0 {
		c.out.Untouched = append(c.out.Untouched, now.Name)
		return
	}
	c.add(d)
}
