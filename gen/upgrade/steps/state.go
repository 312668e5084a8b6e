package steps

import (
	"maps"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// state has the structs of flags after the edits so far: the cluster's first, then the
// nodes'.
type state []*holder

// holder is a struct of flags.
type holder struct {
	path  []string
	node  *spec.Node // nil: the flags of all nodes
	flags spec.Settings
}

func stateOf(c *spec.Cluster) state {
	out := state{{[]string{"flags"}, nil, maps.Clone(c.Flags)}}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		out = append(out, &holder{[]string{"nodes", n.Name, "flags"}, n, maps.Clone(n.Flags)})
	}
	return out
}

func (s state) settings() map[string]spec.Settings {
	out := map[string]spec.Settings{}
	for _, h := range s {
		out[finding.Path(h.path...)] = h.flags
	}
	return out
}

func (h *holder) names() []string { return slices.Sorted(maps.Keys(h.flags)) }

func (h *holder) field(name string) string {
	return finding.Path(append(slices.Clone(h.path), name)...)
}

// flags returns a node's command line after the edits so far.
func (p *planner) flags(n *spec.Node) spec.Flags {
	c, node := *p.c, *n
	c.Version.Minor = p.minor
	c.Flags = p.state[0].flags
	for _, h := range p.state[1:] {
		if h.node == n {
			node.Flags = h.flags
		}
	}
	return policy.NodeFlags(&c, &node)
}
