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
	Field   string      `json:"field"`             // that sets it
	Pos     finding.Pos `json:"position,omitzero"` // of that field, if the user wrote it

	Self string `json:"-"` // cluster and node, not redacted; not to be shown
}

// Show returns the flags of nodes, limited to the named nodes and flags unless those
// are empty. Values from embedded files are redacted. It returns a NothingShownError if
// no flag is left.
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

// NothingShownError is a choice of nodes and flags that matches nothing.
type NothingShownError struct{ Nodes, Flags []string }

func (e *NothingShownError) Error() string {
	return fmt.Sprintf("no node of these clusters matches --node %q and has --flag %q", e.Nodes, e.Flags)
}

// FlagNames returns the names of the flags of all nodes, with repeats and in no order.
// Clusters that can't be evaluated are left out.
func FlagNames(ctx context.Context, r Request) []string {
	cwd, err := os.Getwd()
	if err != nil {
		return nil
	}
	limits, err := Limits()
	if err != nil {
		return nil
	}
	res, err := config.Load(ctx, cwd, r.Args, config.Options{Version: r.Version, Limits: limits})
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
