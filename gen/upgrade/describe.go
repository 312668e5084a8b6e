package upgrade

import (
	"fmt"

	"github.com/kcmgen/kcmgen/gen/flags"
)

// Lines describes what a cluster needs, for people: a heading, and a line for each edit, note and
// thing that is left to do.
func (c *Cluster) Lines() (head string, lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	from, to := c.Plan.From, c.Plan.To
	head = fmt.Sprintf("%s: %s to %s", c.Name(), from, to)
	if from == to {
		head = fmt.Sprintf("%s: has %s", c.Name(), to)
	}
	if from.Minor < to.Minor {
		say("    first     the kube-apiserver: kube-controller-manager may be one minor version older, and never newer")
	}
	for _, s := range c.Steps {
		if len(s.Edits)+len(s.Notes) == 0 && s.Minor == from.Minor {
			continue
		}
		say("  %s", flags.MinorName(s.Minor))
		if len(s.Edits)+len(s.Notes) == 0 {
			say("    nothing")
		}
		for _, e := range s.Edits {
			because := ""
			if e.Reason != "" {
				because = ": " + e.Reason
			}
			say("    edit      %s: %s%s", e.At, e.Edit, because)
		}
		for _, n := range s.Notes {
			say("    know      %s", n)
		}
	}
	for _, p := range c.ByHand {
		say("    by hand   %s", p)
	}
	for _, p := range c.Blocking {
		say("    settle    %s", p)
	}
	return head, lines
}
