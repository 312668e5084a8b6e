package gen

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
)

// Shown is one flag of one node.
type Shown struct {
	Cluster string      `json:"cluster"`
	Node    string      `json:"node"`
	Flag    string      `json:"flag"`
	Value   string      `json:"value"`
	Field   string      `json:"field"`             // where it comes from
	Pos     finding.Pos `json:"position,omitzero"` // of that field, if the user wrote it

	Self string `json:"-"` // cluster and node as they are called: what is embedded isn't shown
}

// Show lists the flags that nodes are started with: those of the names that are asked
// for, or all, with what is embedded left out of them. It returns a NothingShownError where
// the choice leaves none.
func (l *Loaded) Show(nodes, flags []string) ([]Shown, error) {
	out := []Shown{}
	wanted := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	for _, v := range l.Clusters {
		c := v.Cluster
		for i := range c.Nodes {
			n := &c.Nodes[i]
			if !wanted(nodes, n.Name) {
				continue
			}
			for _, f := range policy.NodeFlags(c, n) {
				if wanted(flags, f.Name) {
					pos, _ := c.Source.Exact(f.Field)
					hide := c.Embedded.Redact
					out = append(out, Shown{hide(c.Name), hide(n.Name), hide(f.Name), hide(f.Value), "cluster." + hide(f.Field), pos, c.Name + " " + n.Name})
				}
			}
		}
	}
	if len(out) == 0 && len(l.Clusters) > 0 {
		return nil, &NothingShownError{nodes, flags}
	}
	return out, nil
}

// NothingShownError is a choice of nodes and flags that leaves nothing.
type NothingShownError struct{ Nodes, Flags []string }

func (e *NothingShownError) Error() string {
	return fmt.Sprintf("no node of these clusters fits --node %q and has --flag %q", e.Nodes, e.Flags)
}

// FlagNames are the flags that nodes are started with, in no order; what can't be
// evaluated has none.
func FlagNames(ctx context.Context, r Request) []string {
	cwd, err := os.Getwd()
	if err != nil {
		return nil
	}
	res, err := config.Load(ctx, cwd, r.Args, config.Options{Version: r.Version})
	if err != nil {
		return nil
	}
	var out []string
	for _, c := range res.Clusters {
		for i := range c.Nodes {
			for _, f := range policy.NodeFlags(c, &c.Nodes[i]) {
				out = append(out, f.Name)
			}
		}
	}
	return out
}
