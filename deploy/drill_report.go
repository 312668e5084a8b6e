package deploy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// DrillReport is the result of a drill.
type DrillReport struct {
	Cluster string    `json:"cluster"`
	Mode    string    `json:"mode"`
	Started time.Time `json:"started"`
	Leader  string    `json:"leader"`              // before
	Next    string    `json:"newLeader,omitempty"` // its node, or the lease's holder
	// Leaderless is from the last renewal of the old leader to the first of the new one, in
	// seconds; 0: none led.
	Leaderless float64 `json:"leaderless,omitempty"`
	Least      float64 `json:"predictedLeast"`
	Most       float64 `json:"predictedMost"`
	// Canary is what the new leader's controllers did; nil if it wasn't run.
	Canary *CanaryReport `json:"canary,omitempty"`
	// Restored: the host runs as before, and is healthy.
	Restored bool `json:"restored"`
	// Failed are the sentences that say what isn't as it should be.
	Failed []string `json:"failed,omitempty"`
}

// Works reports whether everything was as it should be.
func (r *DrillReport) Works() bool { return r.Restored && len(r.Failed) == 0 && r.Next != "" }

// Show returns the summary.
func (r *DrillReport) Show() []Line {
	var out []Line
	for _, f := range r.Failed {
		out = append(out, Line{Mark: "error:", Text: r.Cluster + ": " + f, Style: Red})
	}
	text := fmt.Sprintf("%s: %s of %s: ", r.Cluster, r.Mode, r.Leader)
	if r.Next == "" {
		return append(out, Line{Text: text + "no other instance led", Style: Bold})
	}
	text += fmt.Sprintf("%s led after %.1f s (predicted %.0f to %.0f s)", r.Next, r.Leaderless, r.Least, r.Most)
	if r.Canary != nil {
		lines := r.Canary.Show()
		text += ", " + strings.TrimPrefix(lines[len(lines)-1].Text, r.Cluster+": ")
	}
	if r.Restored {
		text += ", " + r.Leader + " runs again"
	}
	return append(out, Line{Text: text, Style: Bold})
}

// Show returns what a drill will do.
func (d *Drill) Show() []Line {
	slices.Sort(d.Standbys)
	what := map[host.DrillMode]string{
		host.DrillStop:      "is stopped",
		host.DrillKill:      "is killed, and starts again by itself",
		host.DrillPartition: "is cut off from its apiserver",
	}[d.mode]
	return []Line{
		{Text: fmt.Sprintf("%s: kube-controller-manager on %s, which leads, %s", d.hosts.cluster.Name, d.Leader, what), Style: Bold},
		{Text: fmt.Sprintf("  one of %s takes over; %.0f to %.0f s without a leader are predicted", strings.Join(d.Standbys, ", "), d.Least.Seconds(), d.Most.Seconds())},
		{Text: fmt.Sprintf("  then everything is put back; without this machine the host does that by itself, after %v at the latest", drillAfter)},
	}
}
