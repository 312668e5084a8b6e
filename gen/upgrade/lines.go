package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// lineChange is a change in a command line.
type lineChange struct{ field, text string }

// diffCommandLines compares the command lines of a cluster's nodes. A change on all
// nodes is returned once.
func diffCommandLines(was, is *spec.Cluster) []lineChange {
	nodes := map[lineChange][]string{}
	var order []lineChange
	for i := range was.Nodes {
		n := &was.Nodes[i]
		at := slices.IndexFunc(is.Nodes, func(o spec.Node) bool { return o.Name == n.Name })
		var flags spec.Flags
		if at >= 0 {
			flags = policy.NodeFlags(is, &is.Nodes[at])
		}
		for _, d := range diffFlags(policy.NodeFlags(was, n), flags) {
			if nodes[d] == nil {
				order = append(order, d)
			}
			nodes[d] = append(nodes[d], n.Name)
		}
	}
	for i, d := range order {
		if len(nodes[d]) < len(was.Nodes) {
			order[i].text += " on " + strings.Join(nodes[d], ", ")
		}
	}
	return order
}

func diffFlags(was, is spec.Flags) []lineChange {
	var out []lineChange
	for _, f := range was {
		switch now, has := is.Get(f.Name); {
		case !has:
			out = append(out, lineChange{f.Field, "lose " + briefly(f)})
		case now.Value != f.Value:
			out = append(out, lineChange{f.Field, fmt.Sprintf("have %s, it has %s", briefly(now), briefly(f))})
		}
	}
	for _, f := range is {
		if _, had := was.Get(f.Name); !had {
			out = append(out, lineChange{f.Field, "get " + briefly(f)})
		}
	}
	return out
}

// briefly returns a flag, cut to 200 characters.
func briefly(f spec.Flag) string {
	const most = 200
	if r := []rune(f.String()); len(r) > most {
		return string(r[:most]) + "…"
	}
	return f.String()
}
