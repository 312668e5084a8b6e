// Package readback parses units and pods that were rendered, and compares what they start:
// with what was meant, and one layout with the other.
package readback

import (
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Check parses every unit and pod and compares its command line with the plan, to
// prove that rendering changed no value.
func Check(p *plan.Plan, t tree.Tree) error {
	for _, h := range p.Hosts {
		c := p.Cluster.For(h.Node)
		at := layout.NodeFile(h.Node.Name, c.StartFile())
		e, ok := t.Get(at)
		if !ok {
			return fmt.Errorf("%s was not rendered", at)
		}
		got, err := Args(c, e.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if program := c.Program(h.Node); len(got) == 0 || got[0] != program {
			return fmt.Errorf("%s: it doesn't start %s: %q", at, program, got)
		}
		// Every flag is written --name=value, so bools need no special case.
		parsed, err := flags.Parse(got[1:], func(string) bool { return false })
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		same := func(f flags.Flag, meant spec.Flag) bool { return f.Name == meant.Name && f.Value == meant.Value }
		if !slices.EqualFunc(parsed, h.Flags, same) {
			return fmt.Errorf("%s: the flags read back as %q, meant were %q", at, parsed, h.Flags)
		}
	}
	return nil
}

// Args returns the command line of a unit or a pod. Which of them it is, the cluster's layout
// says: spec.Cluster.For returns the cluster as a node sees it.
func Args(c *spec.Cluster, data []byte) ([]string, error) {
	if c.Layout == spec.StaticPod {
		p, err := artefact.ParsePod(data)
		if err != nil {
			return nil, err
		}
		return artefact.PodCommand(p, c.Paths.Binary)
	}
	u, err := artefact.ParseUnit(data)
	if err != nil {
		return nil, err
	}
	return u.Args()
}
