package show

import (
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/deploy/status"
)

// unknown is shown for what wasn't seen.
const unknown = "unknown"

func (v viewer) facts() []cell {
	return []cell{v.leader(), v.lease(), v.changes(), v.version(), v.apiserver(), v.nodes(), v.ranges()}
}

func (v viewer) leader() cell {
	l := &v.c.Lease
	out := cell{Name: "Leader", Sign: v.worst(none, "", "no-leader", "foreign-leader", "two-leaders")}
	switch {
	case !l.Elects:
		out.Value, out.Notes = "not elected", []string{"its instances don't compete for a lease"}
	case l.Problem != nil:
		out.Value, out.Notes = unknown, problem(l.Problem)
	case l.Holder == "":
		out.Value = "none"
	case l.Node == "":
		out.Value, out.Notes = plain(l.Holder), []string{"none of the cluster's hosts"}
	default:
		out.Value = plain(l.Node)
	}
	if l.Holder != "" && l.Acquired != nil && l.Problem == nil {
		out.Notes = append(out.Notes, "since "+momentOf(*l.Acquired).Text+", "+since(v.now(v.c.Led()), *l.Acquired))
	}
	return out
}

func (v viewer) lease() cell {
	l := &v.c.Lease
	out := cell{Name: "Lease renewed", Sign: v.worst(none, "", "lease-ahead", "no-leader"), Value: unknown}
	switch now := v.now(v.c.Led()); {
	case !l.Elects:
		out.Value = "no lease"
		return out
	case l.Problem != nil:
		return out
	case l.Renewed == nil:
		out.Value = "never"
	case l.Renewed.After(now):
		out.Value = "just now"
		if out.Sign != none {
			out.Value = "at " + momentOf(*l.Renewed).Text
		}
	default:
		out.Value = since(now, *l.Renewed) + " ago"
	}
	out.Notes = append(out.Notes, plain(l.Name))
	if l.Duration > 0 {
		out.Notes = append(out.Notes, "runs out after "+status.Age(l.Duration))
	}
	return out
}

func (v viewer) changes() cell {
	l := &v.c.Lease
	out := cell{Name: "Leader changes", Sign: v.worst(none, "", "leader-changes"), Value: unknown}
	if l.Changes != nil {
		out.Value, out.Notes = number(int64(*l.Changes)), []string{"in the last hour"}
	}
	if l.Elects && l.Problem == nil {
		out.Notes = append(out.Notes, number(int64(l.Transitions))+" ever")
	}
	return out
}

func (v viewer) version() cell {
	out := cell{Name: "Kubernetes in CUE", Sign: none, Value: plain(v.c.Version), Code: true}
	if out.Value == "" {
		out.Value, out.Code = unknown, false
	}
	return out
}

func (v viewer) apiserver() cell {
	a := &v.c.Apiserver
	out := cell{Name: "Apiserver", Sign: v.worst(none, "", "apiserver", "version-skew", "cluster-not-read"), Value: plain(a.Version), Code: true, Notes: problem(a.Problem)}
	if out.Value == "" {
		out.Value, out.Code = unknown, false
	}
	return out
}

func (v viewer) nodes() cell {
	n := &v.c.Nodes
	out := cell{Name: "Nodes", Sign: v.worst(none, "", "node-without-podcidr", "node-outside", "nodes-overlap", "nodes-not-read"), Value: number(int64(n.Count))}
	if n.Problem != nil {
		out.Value, out.Notes = unknown, problem(n.Problem)
	}
	return out
}

func (v viewer) ranges() cell {
	n := &v.c.Nodes
	out := cell{Name: "Room for more nodes", Sign: v.worst(none, "", "ranges-left"), Value: unknown}
	switch {
	case n.Problem != nil, !v.reached():
	case !n.Allocates:
		out.Value, out.Notes = "not limited here", []string{"kube-controller-manager gives nodes no ranges"}
	case len(n.Pools) == 0:
	default:
		out.Value = ""
	}
	if out.Value != "" {
		return out
	}
	left := n.Pools[0].Left // the least of the pools', since each node gets a part of each
	for _, p := range n.Pools {
		out.Notes = append(out.Notes, fmt.Sprintf("%s × /%d in %s", room(p.Left), p.Mask, p.CIDR))
		if left < 0 || p.Left >= 0 && p.Left < left {
			left = p.Left
		}
	}
	out.Value = room(left)
	return out
}

// room returns a number of nodes, as status.Pool has it.
func room(left int64) string {
	if left < 0 {
		return "more than 2³¹"
	}
	return number(left)
}

// reached reports whether a host could be looked at: hosts tell what nodes get.
func (v viewer) reached() bool {
	return slices.ContainsFunc(v.c.Hosts, func(h status.Host) bool { return h.Problem == nil })
}

// problem returns a note of why something can't be seen.
func problem(p *status.Problem) []string {
	if p == nil {
		return nil
	}
	return []string{plain(p.Text)}
}
