package deploy

import (
	"fmt"

	"github.com/kcmgen/kcmgen/deploy/logs"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/deploy/show"
)

// Show returns the outcome on each host.
func (r *Report) Show() []Line {
	if r.Outcome == rollout.Unchanged {
		return []Line{show.Unchanged(r.Cluster, r.Nodes())}
	}
	var out []Line
	for _, h := range r.Hosts {
		line := fmt.Sprintf("%s: %s: %s", r.Cluster, h.Node, h.Outcome)
		switch from, to := show.Short(h.From), show.Short(h.To); {
		case from == to || h.Outcome == rollout.Unchanged:
		case h.Outcome == rollout.RolledBack || h.Outcome == rollout.Untouched || h.Outcome == rollout.Gone:
			line += fmt.Sprintf("  has %s, not %s", from, to)
		default:
			line += fmt.Sprintf("  %s → %s", from, to)
		}
		if h.Seconds > 0 {
			line += fmt.Sprintf("  %.1f s", h.Seconds)
		}
		out = append(out, Line{Text: line})
		told := map[string]bool{}
		for _, l := range h.Log {
			out = append(out, Line{Text: "    " + l})
			if k := logs.Explain(l); k != nil && !told[k.ID] {
				told[k.ID] = true
				out = append(out, Line{Text: "      that is: " + k.Means + "; " + k.Hint})
			}
		}
	}
	return out
}
